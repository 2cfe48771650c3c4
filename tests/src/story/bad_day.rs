//! Chapter 4: the ban. Refused at every door, patched wherever it runs, rebuilt from every source; nothing else is touched.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use events::order;
use serde_json::json;
use testkit::{command::Finished, wait::eventually};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    Times,
    builds::image_stands_on,
    containers::{BY_HAND, DERIVED, UNRELATED},
    setting::{NEW, OLD},
};
use crate::{
    facts::Fact,
    teller::Teller,
    world::{STEP, World},
};

pub(super) async fn ban(world: &World, teller: &mut Teller) -> Result<Times> {
    let mut times = Times::default();
    let before = digests(world).await?;
    let body = ban_order(world)?;
    let ban = world.order(order::BANNED, &body).await?;
    teller.say(format_args!("a client that is not ours publishes the ban as order {ban}"));
    let image = world.image("team/plain:1")?.to_string();
    let refused =
        async || world.plimsoll(&["check", &image]).await.is_ok_and(|finished| finished.code == Some(1));
    eventually("the gate to refuse", STEP, refused).await?;
    let refused = Instant::now();
    let published = stored_at(world, ban).await?;
    times.refused = refused.saturating_duration_since(published);
    doors(world, teller, &before).await?;
    patched(world, teller, ban).await?;
    // The first run in each container that was running; the one that was started again later has its own.
    let runs = remedied(world, ban);
    let running = runs.iter().take(DERIVED.len() + 1);
    times.patched =
        running.map(|fact| fact.at.saturating_duration_since(published)).max().unwrap_or_default();
    times.containers = remedied(world, ban).len();
    replaced(world, teller, ban, &mut times).await?;
    times.replaced =
        last(world, published, |fact| fact.kind == "plimsoll.image.replaced" && fact.number("ban") == ban);
    told(world, teller).await?;
    Ok(times)
}

/// When the broker stored the ban: from then on it is published, however long the client took to start.
pub async fn stored_at(world: &World, ban: u64) -> Result<Instant> {
    let opened = |fact: &Fact| {
        (fact.kind == "plimsoll.campaign.opened" && fact.number("ban") == ban)
            .then(|| fact.text("orderedAt").to_owned())
    };
    let stored = world.facts.wait("the campaign to open", opened).await?;
    let ago = OffsetDateTime::now_utc() - OffsetDateTime::parse(&stored, &Rfc3339)?;
    Instant::now().checked_sub(ago.try_into()?).context("the ban is older than the machine")
}

/// The ban as an operator writes it.
pub(super) fn ban_order(world: &World) -> Result<String> {
    Ok(json!({
        "image": world.image(&format!("base/os:{OLD}"))?.to_string(),
        "reason": "libfix lets anybody in",
        "severity": "high",
        "replacement": world.image(&format!("base/os:{NEW}"))?.to_string(),
        "remedy": "patch",
    })
    .to_string())
}

fn is_refusal(finished: &Finished) -> bool {
    let text = format!("{}{}", finished.stdout, finished.stderr);
    finished.code != Some(0) && text.contains("libfix lets anybody in") && text.contains("banned by alice")
}

async fn doors(world: &World, teller: &mut Teller, before: &[(String, String)]) -> Result<()> {
    let derived: Vec<String> =
        DERIVED.iter().map(|project| format!("team/{project}:1")).chain([BY_HAND.to_owned()]).collect();
    // The pipeline moves a rebuilt project's tag within seconds. What was published before is asked for by what the node holds.
    let ids = ids(world).await?;
    for name in &derived {
        let by_id = ids
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, id)| id.clone())
            .context("an image is gone")?;
        let created = world.docker.docker(&["create", "--network", "none", &by_id]).await?;
        teller.claim(format_args!("docker create of {name} is refused"), is_refusal(&created))?;
        let run = world.docker.docker(&["run", "--rm", "--network", "none", &by_id, "true"]).await?;
        teller.claim(
            format_args!("docker run --rm of {name} is refused and does not hang"),
            is_refusal(&run),
        )?;
    }
    for (name, pinned) in before {
        let checked = world.plimsoll(&["check", pinned]).await?;
        let ran = run_pinned(world, pinned).await?;
        teller.claim(
            format_args!("plimsoll check and plimsoll run refuse {name} as it was"),
            is_refusal(&checked) && is_refusal(&ran),
        )?;
    }
    for project in DERIVED {
        let start = world.docker.docker(&["start", &format!("waiting-{project}")]).await?;
        teller.claim(
            format_args!("docker start of a container of {project} that was created before is refused"),
            is_refusal(&start),
        )?;
    }
    let by_hand = world.image(BY_HAND)?.to_string();
    let renamed = world.image("harmless/new:1")?.to_string();
    world.docker(&["tag", &by_hand, &renamed]).await?;
    world.docker(&["push", &renamed]).await?;
    teller.claim("a new tag of it is refused", is_refusal(&world.plimsoll(&["check", &renamed]).await?))?;
    for image in UNRELATED {
        let image = world.image(image)?.to_string();
        let check = world.plimsoll(&["check", &image]).await?;
        let runs = world.docker.docker(&["run", "--rm", "--network", "none", &image, "true"]).await?;
        teller.claim(
            format_args!("{image} has nothing to do with it and starts"),
            check.code == Some(0) && runs.code == Some(0),
        )?;
    }
    Ok(())
}

/// Every derived image as it is published now, by digest: tags will have moved when the doors are tried.
async fn digests(world: &World) -> Result<Vec<(String, String)>> {
    let mut digests = Vec::new();
    for name in DERIVED.iter().map(|project| format!("team/{project}:1")).chain([BY_HAND.to_owned()]) {
        let image = world.image(&name)?;
        let digest = world.client.resolve(&image).await?;
        digests.push((name, image.repository().at_digest(digest).to_string()));
    }
    Ok(digests)
}

async fn run_pinned(world: &World, image: &str) -> Result<Finished> {
    let host = format!("unix://{}", world.docker.socket().display());
    let docker = testkit::tools::docker().display().to_string();
    world
        .plimsoll(&[
            "run",
            "--rm",
            "--network",
            "none",
            "--host",
            &host,
            "--docker-command",
            &docker,
            image,
            "true",
        ])
        .await
}

/// What the node holds of each derived image, by image id.
async fn ids(world: &World) -> Result<Vec<(String, String)>> {
    let mut ids = Vec::new();
    for (container, name) in DERIVED
        .iter()
        .map(|project| (*project, format!("team/{project}:1")))
        .chain([("by-hand", BY_HAND.to_owned())])
    {
        ids.push((
            name,
            world.docker(&["inspect", "--format", "{{.Image}}", container]).await?.trim().to_owned(),
        ));
    }
    Ok(ids)
}

fn remedied(world: &World, ban: u64) -> Vec<Fact> {
    world
        .facts
        .of("plimsoll.container.remedied")
        .into_iter()
        .filter(|fact| fact.number("ban") == ban)
        .collect()
}

/// How often the remedy ran in a container.
async fn runs(world: &World, container: &str) -> Result<usize> {
    let seen = world
        .docker
        .docker(&["exec", container, "/bin/sh", "-c", "cat /patched 2>/dev/null || true"])
        .await?;
    Ok(seen.success()?.lines().count())
}

async fn patched(world: &World, teller: &mut Teller, ban: u64) -> Result<()> {
    let names: Vec<&str> = DERIVED.into_iter().chain(["by-hand"]).collect();
    let all = async || remedied(world, ban).len() >= names.len();
    eventually("every derived container to be patched", STEP, all).await?;
    for name in &names {
        teller.claim(format_args!("the remedy ran once in {name}"), runs(world, name).await? == 1)?;
    }
    for name in ["unrelated-0", "unrelated-1"] {
        teller.claim(format_args!("it did not run in {name}"), runs(world, name).await? == 0)?;
    }
    // The daemon itself starts it again, past every plugin.
    // Whoever stops a container from inside it may be gone before it could say so.
    world.docker(&["exec", "--detach", "by-hand", "/bin/sh", "-c", "touch /stop"]).await?;
    let again =
        async || remedied(world, ban).iter().filter(|fact| fact.text("name") == "by-hand").count() >= 2;
    eventually("the restarted container to be patched", STEP, again).await?;
    let twice = async || runs(world, "by-hand").await.is_ok_and(|runs| runs == 2);
    eventually("the restarted container to have it", STEP, twice).await?;
    teller.claim("a container that the daemon starts again later has it too", true)
}

async fn replaced(world: &World, teller: &mut Teller, ban: u64, times: &mut Times) -> Result<()> {
    let closed = world
        .facts
        .wait("the campaign to close", |fact| {
            (fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == ban).then(|| fact.clone())
        })
        .await?;
    let order: Vec<String> = of_ban(world, "plimsoll.image.replaced", ban)
        .iter()
        .map(|fact| fact.text("project").to_owned())
        .collect();
    let place = |project: &str| order.iter().position(|name| name == project);
    teller.claim(
        format_args!("every image with a source is replaced, each once: {}", order.join(", ")),
        {
            let mut sorted = order.clone();
            sorted.sort();
            let mut expected = DERIVED.map(str::to_owned).to_vec();
            expected.sort();
            sorted == expected
        },
    )?;
    teller.claim("platform before what stands on it", place("platform") < place("onplatform"))?;
    for project in DERIVED {
        let image = world.image(&format!("team/{project}:1"))?;
        let fixed = !image_stands_on(world, &image, OLD).await?
            && (project == "copier" || image_stands_on(world, &image, NEW).await?);
        let name = image.to_string();
        world.docker(&["pull", &name]).await?;
        let starts = world.docker.docker(&["run", "--rm", "--network", "none", &name, "true"]).await?;
        teller
            .claim(format_args!("{name} stands on {NEW} now and starts"), fixed && starts.code == Some(0))?;
    }
    times.images = closed.number("images");
    times.builds = of_ban(world, "plimsoll.build.finished", ban).len();
    times.stragglers = closed.texts("stragglers");
    let named = times
        .stragglers
        .iter()
        .any(|straggler| straggler.contains("misc/thing:7") && straggler.contains("no source"));
    teller.claim("the image that was built by hand is named as having no source", named)
}

async fn told(world: &World, teller: &mut Teller) -> Result<()> {
    for project in ["platform", "plain", "stages", "argument", "copier"] {
        let branch = async || -> Result<String> {
            let branches = world.git.branches(project).await?;
            let branch = branches
                .into_iter()
                .find(|branch| branch.starts_with("plimsoll/"))
                .context("no branch yet")?;
            let definition = world
                .git
                .read_branch(project, &branch, "Dockerfile")
                .await?
                .context("no definition in the branch")?;
            if definition.contains(NEW) {
                Ok(branch)
            } else {
                anyhow::bail!("the branch does not name {NEW}")
            }
        };
        let branch = eventually(format_args!("{project}'s team to have its branch"), STEP, branch).await?;
        teller.claim(format_args!("{project}'s team has the branch {branch} with the change"), true)?;
    }
    for project in DERIVED {
        let posted = async || !world.notices.of(project).is_empty();
        eventually(format_args!("{project}'s team to have its notice"), STEP, posted).await?;
    }
    teller.claim("every team has its notice by webhook", true)
}

fn of_ban(world: &World, kind: &str, ban: u64) -> Vec<Fact> {
    world.facts.of(kind).into_iter().filter(|fact| fact.number("ban") == ban).collect()
}

/// From `start` until the last fact that `wanted` accepts.
fn last(world: &World, start: Instant, wanted: impl Fn(&Fact) -> bool) -> Duration {
    let moments = world
        .facts
        .all()
        .into_iter()
        .filter(|fact| wanted(fact))
        .map(|fact| fact.at.saturating_duration_since(start));
    moments.max().unwrap_or_default()
}
