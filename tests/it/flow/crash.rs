//! Every process dies once in the middle of a campaign, without a word. It ends as it would have: one publication an image, one run a
//! container, the same answers; and deleting the projections changes no answer either.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use events::{order, topology::StreamName};
use serde_json::json;
use testkit::wait::eventually;
use tests::{
    facts::{Fact, stored},
    processes,
    story::{self, Source},
    world::{STEP, Wishes, World},
};

const BASE: Source = Source {
    project: "platform",
    definition: "FROM {host}/base/os:10.4.8\nRUN echo platform > /etc/platform\n",
};
const ABOVE: [Source; 2] = [
    Source { project: "app", definition: "FROM {host}/team/platform:1\nRUN echo app > /etc/app\n" },
    Source { project: "plain", definition: "FROM {host}/base/os:10.4.8\nRUN echo plain > /etc/plain\n" },
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_survives_the_death_of_every_process() {
    let _machine = super::machine().await;
    let mut world = World::start(Wishes::default()).await.unwrap();
    if let Err(error) = play(&mut world).await {
        panic!("{error:#}\n{}", world.up.log());
    }
    world.stop().await.unwrap();
}

async fn play(world: &mut World) -> Result<()> {
    story::bases(world).await?;
    story::catalog(world, "10.4.8", &[]).await?;
    story::doors(world, "enforce").await?;
    story::policy(world).await?;
    for source in [&BASE].into_iter().chain(&ABOVE) {
        story::project(world, source.project).await?;
    }
    for source in [&BASE].into_iter().chain(&ABOVE) {
        story::published(world, source).await?;
    }
    for project in ["platform", "app", "plain"] {
        let image = world.image(&format!("team/{project}:1"))?.to_string();
        world.docker(&["run", "--detach", "--network", "none", "--name", project, &image]).await?;
    }
    let ban = ban(world).await?;
    massacre(world, ban).await?;
    ends_as_it_would_have(world, ban).await?;
    forgets_and_knows_again(world).await
}

async fn ban(world: &World) -> Result<u64> {
    let body = json!({
        "image": world.image("base/os:10.4.8")?.to_string(),
        "reason": "libfix lets anybody in",
        "replacement": world.image("base/os:10.4.9")?.to_string(),
        "remedy": "patch",
    });
    world.order(order::BANNED, &body.to_string()).await
}

/// Kills each process at a moment at which it has something to lose.
async fn massacre(world: &World, ban: u64) -> Result<()> {
    let up = world.up.id();
    let mut killed = Vec::new();
    for role in ["invalidator", "agent", "gate"] {
        killed.push((role, processes::kill(up, role)?));
    }
    let caused = |fact: &Fact, kind: &str| (fact.kind == kind && fact.number("ban") == ban).then_some(());
    world.facts.wait("the campaign to open", |fact| caused(fact, "plimsoll.campaign.opened")).await?;
    killed.push(("planner", processes::kill(up, "planner")?));
    world.facts.wait("a rebuild to start", |fact| caused(fact, "plimsoll.build.started")).await?;
    for role in ["worker", "scanner", "watcher", "notifier", "nats-server"] {
        killed.push((role, processes::kill(up, role)?));
    }
    for (role, dead) in killed {
        let again = async || processes::find(up, role).is_ok_and(|process| process != dead);
        eventually(format_args!("{role} to run again"), STEP, again).await?;
    }
    Ok(())
}

async fn ends_as_it_would_have(world: &World, ban: u64) -> Result<()> {
    let keys = world.data().join("keys");
    let closed = async || -> Result<Fact> {
        let campaigns = stored(world.broker(), &keys, StreamName::Campaigns).await?;
        campaigns
            .into_iter()
            .find(|fact| fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == ban)
            .context("not closed yet")
    };
    let closed = eventually("the campaign to close", STEP * 3, closed).await?;
    ensure!(
        closed.number("replaced") == 3,
        "replaced are {}: {:?}",
        closed.number("replaced"),
        closed.texts("stragglers")
    );
    let images = stored(world.broker(), &keys, StreamName::Images).await?;
    let mut replaced: BTreeMap<String, usize> = BTreeMap::new();
    for fact in images.iter().filter(|fact| fact.kind == "plimsoll.image.replaced") {
        *replaced.entry(fact.text("project").to_owned()).or_default() += 1;
    }
    ensure!(
        replaced.len() == 3 && replaced.values().all(|count| *count == 1),
        "one publication an image, not {replaced:?}"
    );
    for project in ["platform", "app", "plain"] {
        let once = async || runs(world, project).await.is_ok_and(|runs| runs == 1);
        eventually(format_args!("the remedy to have run in {project}"), STEP, once).await?;
        let tag = world.image(&format!("team/{project}:1"))?;
        let ever = world.registry.tagged(&tag)?;
        ensure!(ever.len() == 2, "the image before the ban and one after it stood under {tag}, not {ever:?}");
        ensure!(
            story::image_stands_on(world, &tag, "10.4.9").await?,
            "{tag} does not stand on the replacement"
        );
    }
    let refused = async || {
        let image = world.docker(&["inspect", "--format", "{{.Image}}", "plain"]).await.unwrap_or_default();
        let created = world.docker.docker(&["create", "--network", "none", image.trim()]).await;
        created.is_ok_and(|created| created.code != Some(0) && created.stderr.contains("libfix"))
    };
    eventually("the gate to refuse again", STEP, refused).await?;
    for project in ["platform", "app", "plain"] {
        ensure!(runs(world, project).await? == 1, "the remedy ran again in {project}");
    }
    Ok(())
}

async fn runs(world: &World, container: &str) -> Result<usize> {
    let seen = world
        .docker
        .docker(&["exec", container, "/bin/sh", "-c", "cat /patched 2>/dev/null || true"])
        .await?;
    Ok(seen.success()?.lines().count())
}

/// Deletes the projections, not the streams: the answers are the same.
async fn forgets_and_knows_again(world: &mut World) -> Result<()> {
    let image = world.image("team/plain:1")?.to_string();
    let base = world.image("base/os:10.4.8")?.to_string();
    let answers = async |world: &World| -> Result<Vec<String>> {
        let mut answers = Vec::new();
        for question in [vec!["status"], vec!["why", &image], vec!["why", &base]] {
            answers.push(world.plimsoll(&question).await?.success()?);
        }
        Ok(answers)
    };
    eventually("the pipeline to answer", STEP, async || answers(world).await).await?;
    let before = answers(world).await?;
    world.up.terminate(STEP).await?;
    std::fs::remove_dir_all(world.data().join("roles"))?;
    world.up.restart()?;
    let same = async || -> Result<()> {
        let after = answers(world).await?;
        ensure!(after == before, "before: {before:#?}\nafter: {after:#?}");
        Ok(())
    };
    eventually("the same answers from nothing but the streams", STEP, same).await
}
