//! How long a campaign takes beside its floor: the plain driver, doing the same builds and pushes in the same order, one by one.
//!
//! One run measures both on the same machine; the figure is their ratio. The campaign's time is from the moment at which the broker stored
//! the ban to the last `image.replaced`.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use events::order;
use serde_json::json;
use testkit::command::run;
use tests::{
    story::{self, Source},
    world::{STEP, Wishes, World},
};

/// One platform, two that stand on it, and three beside it.
const SOURCES: [Source; 6] = [
    Source {
        project: "platform",
        definition: "FROM {host}/base/os:10.4.8\nRUN echo platform > /etc/platform\n",
    },
    Source { project: "a", definition: "FROM {host}/base/os:10.4.8\nRUN echo a > /etc/a\n" },
    Source { project: "b", definition: "FROM {host}/base/os:10.4.8\nRUN echo b > /etc/b\n" },
    Source { project: "c", definition: "FROM {host}/base/os:10.4.8\nRUN echo c > /etc/c\n" },
    Source { project: "d", definition: "FROM {host}/team/platform:1\nRUN echo d > /etc/d\n" },
    Source { project: "e", definition: "FROM {host}/team/platform:1\nRUN echo e > /etc/e\n" },
];

#[tokio::main]
async fn main() -> Result<()> {
    let world = World::start(Wishes::default()).await?;
    story::bases(&world).await?;
    story::catalog(&world, "10.4.8", &[]).await?;
    story::doors(&world, "enforce").await?;
    story::policy(&world).await?;
    for source in &SOURCES {
        story::project(&world, source.project).await?;
    }
    for source in &SOURCES {
        story::published(&world, source).await?;
    }
    let (campaign, order) = campaign(&world).await?;
    let plain = plain(&world, &order).await?;
    say(&format!(
        "campaign, publication → last of {} images replaced: {:.2} s",
        order.len(),
        campaign.as_secs_f64()
    ));
    say(&format!("plain buildah bud and push, same builds, same order:   {:.2} s", plain.as_secs_f64()));
    say(&format!("ratio: {:.2}", campaign.as_secs_f64() / plain.as_secs_f64()));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn say(line: &str) {
    println!("{line}");
}

async fn campaign(world: &World) -> Result<(Duration, Vec<String>)> {
    let body = json!({
        "image": world.image("base/os:10.4.8")?.to_string(),
        "reason": "measured",
        "replacement": world.image("base/os:10.4.9")?.to_string(),
    });
    let ban = world.order(order::BANNED, &body.to_string()).await?;
    let published = story::stored_at(world, ban).await?;
    let closed = |fact: &tests::facts::Fact| {
        (fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == ban).then_some(())
    };
    world.facts.wait("the campaign to close", closed).await?;
    for fact in world.facts.all().iter().filter(|fact| fact.at > published && fact.number("ban") == ban) {
        say(&format!(
            "{:>8.3} s  {} {}",
            (fact.at - published).as_secs_f64(),
            fact.kind,
            fact.text("project")
        ));
    }
    let replaced: Vec<_> = world
        .facts
        .of("plimsoll.image.replaced")
        .into_iter()
        .filter(|fact| fact.number("ban") == ban)
        .collect();
    let last = replaced.iter().map(|fact| fact.at).max().context("nothing was replaced")?;
    if replaced.len() != SOURCES.len() {
        bail!("{} of {} images were replaced", replaced.len(), SOURCES.len());
    }
    Ok((
        last.duration_since(published),
        replaced.iter().map(|fact| fact.text("project").to_owned()).collect(),
    ))
}

/// The same builds by hand: buildah with a storage of its own that is warm with the base, one after the other.
async fn plain(world: &World, order: &[String]) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let host = world.registry.host();
    let root = folder.path().join("storage").display().to_string();
    let runroot = folder.path().join("run").display().to_string();
    let buildah = async |arguments: &[&str]| {
        let mut command = tokio::process::Command::new("buildah");
        command.args(["--root", &root, "--runroot", &runroot, "--storage-driver", "overlay"]).args(arguments);
        run(command, STEP * 2).await?.success()
    };
    let base = world.image("base/os:10.4.9")?.to_string();
    buildah(&["pull", "--tls-verify=false", &base]).await?;
    let began = Instant::now();
    for project in order {
        let source = SOURCES
            .iter()
            .find(|source| source.project == project)
            .context("an unknown project was replaced")?;
        let context = folder.path().join(project);
        std::fs::create_dir(&context)?;
        // What stands on the platform stands on the one that was built by hand just before.
        let definition = source
            .definition
            .replace("{host}", host)
            .replace("os:10.4.8", "os:10.4.9")
            .replace("team/", "plain/");
        std::fs::write(context.join("Dockerfile"), definition)?;
        let (image, context) = (format!("{host}/plain/{project}:1"), context.display().to_string());
        let bud = [
            "bud",
            "--isolation",
            "oci",
            "--runtime",
            "/usr/sbin/runc",
            "--network",
            "none",
            "--layers=false",
            "--tls-verify=false",
        ];
        buildah(&[bud.as_slice(), &["--tag", &image, &context]].concat()).await?;
        buildah(&["push", "--tls-verify=false", &image]).await?;
    }
    let took = began.elapsed();
    buildah(&["rmi", "--all", "--force"]).await?;
    Ok(took)
}
