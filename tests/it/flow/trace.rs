//! One ban is one trace: what each process exports is collected by a listener, and the ban's publisher gave no trace to follow.

mod collector;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail, ensure};
use events::order;
use serde_json::json;
use testkit::{foreign::Outcome, wait::eventually};
use tests::{
    story::{self, Source},
    world::{OPERATOR, STEP, Wishes, World},
};

use self::collector::{Collector, Span};

/// Whoever does something because of a ban.
const SERVICES: [&str; 5] = ["invalidator", "gate", "planner", "worker", "agent"];
const APP: Source =
    Source { project: "app", definition: "FROM {host}/base/os:10.4.8\nRUN echo app > /etc/app\n" };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_ban_is_one_trace_across_services() {
    let _machine = super::machine().await;
    let collector = Collector::start().await.unwrap();
    let wishes = Wishes { otlp_endpoint: Some(collector.endpoint()) };
    let world = World::start(wishes).await.unwrap();
    if let Err(error) = play(&world, &collector).await {
        panic!("{error:#}\n{}", world.up.log());
    }
}

async fn play(world: &World, collector: &Collector) -> Result<()> {
    story::bases(world).await?;
    story::catalog(world, "10.4.8", &[]).await?;
    story::doors(world, "enforce").await?;
    story::policy(world).await?;
    story::project(world, APP.project).await?;
    story::published(world, &APP).await?;
    let image = world.image("team/app:1")?.to_string();
    world.docker(&["run", "--detach", "--network", "none", "--name", "app", &image]).await?;
    let ban = ban(world).await?;
    for kind in ["plimsoll.container.remedied", "plimsoll.campaign.closed"] {
        world.facts.wait(kind, |fact| (fact.kind == kind && fact.number("ban") == ban).then_some(())).await?;
    }
    // Services export every few seconds.
    eventually("one trace of the ban", STEP, async || is_one_trace(&collector.spans(), ban)).await
}

async fn ban(world: &World) -> Result<u64> {
    let body = json!({
        "image": world.image("base/os:10.4.8")?.to_string(),
        "reason": "libfix lets anybody in",
        "replacement": world.image("base/os:10.4.9")?.to_string(),
        "remedy": "patch",
    });
    // The client of every other test sends no headers at all, so there is no context to continue.
    let subject = format!("{}.{OPERATOR}", order::BANNED);
    match world.person(OPERATOR).publish(&subject, body.to_string().as_bytes()).await? {
        Outcome::Stored { sequence, .. } => Ok(sequence),
        other => bail!("the ban was not stored: {other:?}"),
    }
}

/// Whoever read the ban agrees on its trace, and that trace holds every service's part down to the published build.
fn is_one_trace(spans: &[Span], ban: u64) -> Result<()> {
    let read = spans
        .iter()
        .filter(|span| span.name == format!("process {}", order::BANNED) && span.sequence == Some(ban));
    let mut readers: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for span in read {
        readers.entry(&span.trace).or_default().insert(&span.service);
    }
    ensure!(readers.len() <= 1, "the ban was read in {} traces: {readers:?}", readers.len());
    let trace = *readers.keys().next().with_context(|| {
        format!("nobody has read the ban yet: {:?}", names(&spans.iter().collect::<Vec<_>>()))
    })?;
    let own: Vec<&Span> = spans.iter().filter(|span| span.trace == trace).collect();
    let services: BTreeSet<&str> = own.iter().map(|span| span.service.as_str()).collect();
    for service in SERVICES {
        ensure!(
            services.contains(format!("plimsoll-{service}").as_str()),
            "{service} is missing in {services:?}"
        );
    }
    for (service, name) in [
        ("invalidator", "process plimsoll.ban.resolved"),
        ("planner", "process plimsoll.campaign.opened"),
        ("worker", "process plimsoll.work.build"),
        ("worker", "publish"),
        ("planner", "process plimsoll.image.replaced"),
    ] {
        let there = own.iter().any(|span| span.service == format!("plimsoll-{service}") && span.name == name);
        ensure!(there, "{service} has no span `{name}` in it: {:?}", names(&own));
    }
    connected(&own)
}

/// Every span hangs below another one of the trace; only the order itself, which nobody exports, is above them all.
fn connected(own: &[&Span]) -> Result<()> {
    let known: BTreeSet<&str> = own.iter().map(|span| span.id.as_str()).collect();
    let above: BTreeSet<&str> =
        own.iter().map(|span| span.parent.as_str()).filter(|parent| !known.contains(parent)).collect();
    ensure!(above.len() == 1, "the trace has {} roots: {:?}", above.len(), names(own));
    Ok(())
}

fn names(spans: &[&Span]) -> BTreeSet<String> {
    spans.iter().map(|span| format!("{}: {}", span.service, span.name)).collect()
}
