//! A registry that is announced again: how long the invalidator is busy with the pushes of images that it knows, all covered by one ban, and how long an
//! order waits that is given in the middle of it.
//!
//! The invalidator is stopped while the pushes are stored, so that all of them wait for it. The floor is a reader who does nothing with the same messages.
//! `just bench reannounce IMAGES`; 2,000 where no number is given.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use artifact::ImageRef;
use bus::{Connection, Feed, Heard};
use events::{
    fact::ImagePushed,
    order,
    topology::{Role, StreamName},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{process::Process, wait::eventually};
use tests::{
    announced::{Announcer, layer, pushed},
    apart::Broker,
    facts::{Fact, Facts},
    wire::Wire,
    world::OPERATOR,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const IMAGES: usize = 2_000;
/// Each is measured, so that one that another process disturbed is seen.
const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<()> {
    let images = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(IMAGES);
    let broker = Broker::start(&["port"]).await?;
    let folder = format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
    let invalidator = broker.start_role(Role::Invalidator, "", &folder)?;
    let facts = broker.listen().await?;
    let mut person = broker.wire().await?;
    person.subscribe("_INBOX.person").await?;
    let watcher = Announcer::connect(&broker, Role::Watcher).await?;
    let known = known(images)?;
    watcher.publish(known.clone(), "first").await?;
    let began = Instant::now();
    order(&mut person, "os").await?;
    named(&facts, images + 1).await?;
    report(&format!("{images} images under one ban; named after"), began.elapsed(), None);
    for round in 1..=ROUNDS {
        measure(round, &known, &invalidator, &watcher, &facts, &mut person).await?;
    }
    Ok(())
}

async fn measure(
    round: usize,
    known: &[ImagePushed],
    invalidator: &Process,
    watcher: &Announcer,
    facts: &Facts,
    person: &mut Wire,
) -> Result<()> {
    let (last, _) = read(watcher.connection(), 0, None).await?;
    signal(invalidator, Signal::STOP)?;
    let began = Instant::now();
    watcher.publish(known.to_vec(), &format!("round {round}")).await?;
    // What is new is named; that it is says that everything before it was handled.
    let fence = derivative(&format!("fence-{round}"))?;
    watcher.publish([on_os(&fence)], "fence").await?;
    let stored = began.elapsed();
    let (_, floor) = read(watcher.connection(), last, Some(&fence)).await?;
    let resumed = Instant::now();
    signal(invalidator, Signal::CONT)?;
    let given = order(person, &format!("other-{round}")).await?;
    let accepted = |fact: &Fact| {
        (fact.kind == "plimsoll.order.accepted" && fact.number("order") == given).then_some(fact.at)
    };
    let accepted = facts.wait("the order to be accepted", accepted).await?.duration_since(resumed);
    let handled = |fact: &Fact| {
        let is_fence = fact.text("repository") == fence.repository().to_string();
        (fact.kind == "plimsoll.image.invalidated" && is_fence).then_some(fact.at)
    };
    let handled = facts.wait("the pushes to be handled", handled).await?.duration_since(resumed);
    report(&format!("round {round}: stored, 64 at once"), stored, None);
    report("  read by somebody who does nothing (the floor)", floor, Some(floor));
    report("  a ban in the middle → accepted", accepted, None);
    report("  all handled", handled, Some(floor));
    let each = handled.checked_div(u32::try_from(known.len())?).unwrap_or_default();
    report("  each", each, None);
    Ok(())
}

/// Reads IMAGES after a place, until a push of `fence` or, without one, until all was read: the last place, and how long it took.
async fn read(connection: &Connection, after: u64, fence: Option<&ImageRef>) -> Result<(u64, Duration)> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let began = Instant::now();
    let mut feed = Feed::open(connection, &[(StreamName::Images, after)], &tasks, &stop);
    let mut last = after;
    while let Some(Heard::Record(record)) = feed.next().await {
        last = record.sequence;
        if fence
            .is_some_and(|fence| record.subject.to_string().contains("fence") && pushes(&record.body, fence))
        {
            break;
        }
    }
    let taken = began.elapsed();
    stop.cancel();
    Ok((last, taken))
}

fn pushes(body: &[u8], image: &ImageRef) -> bool {
    events::Event::decode(body).is_ok_and(|pushed: ImagePushed| pushed.repository == *image.repository())
}

async fn named(facts: &Facts, images: usize) -> Result<()> {
    eventually("every image to be named", PATIENCE, async || {
        let named = facts.of("plimsoll.image.invalidated").len();
        ensure!(named >= images, "{named} of {images}");
        Ok(())
    })
    .await
}

fn known(images: usize) -> Result<Vec<ImagePushed>> {
    let base = pushed(&"reg.test/base/os:1".parse()?, vec![layer("os")]);
    let above = (0..images).map(|number| Ok(on_os(&derivative(&number.to_string())?)));
    std::iter::once(Ok(base)).chain(above).collect()
}

fn derivative(name: &str) -> Result<ImageRef> {
    Ok(format!("reg.test/os/app-{name}:1").parse()?)
}

fn on_os(image: &ImageRef) -> ImagePushed {
    pushed(image, vec![layer("os"), layer(&image.to_string())])
}

/// Bans a base as a plain client does; the place that the order was stored at.
async fn order(person: &mut Wire, base: &str) -> Result<u64> {
    let body = json!({"image": format!("reg.test/base/{base}:1"), "reason": "a measurement"}).to_string();
    person.publish(&format!("{}.{OPERATOR}", order::BANNED), "_INBOX.person", body.as_bytes()).await?;
    let said: Value = serde_json::from_slice(&person.next().await?.body)?;
    said.get("seq").and_then(Value::as_u64).with_context(|| format!("the order was not stored: {said}"))
}

fn signal(process: &Process, signal: Signal) -> Result<()> {
    let id = i32::try_from(process.id()).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(id, signal)?)
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn report(what: &str, time: Duration, floor: Option<Duration>) {
    let ratio = floor.map(|floor| format!("{:>8.2}", time.as_secs_f64() / floor.as_secs_f64()));
    println!("{what:<58} {:>10.3} ms{}", time.as_secs_f64() * 1_000.0, ratio.unwrap_or_default());
}
