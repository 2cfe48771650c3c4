//! A storm: one ban over thousands of images, from its publish until each is named and planned for, and how soon another ban holds meanwhile.
//!
//! The images are facts in the stream as a watcher writes them, since no registry is asked about any. Their being stored, many at once,
//! is the floor: the invalidator says one fact an image as well. `just bench storm IMAGES`; 5,000 where no number is given.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use artifact::{DiffId, ImageRef};
use events::{order, topology::Role};
use serde_json::{Value, json};
use testkit::{process::Process, wait::eventually};
use tests::{
    announced::{Announcer, by_digest, layer, pushed},
    apart::{Broker, bases, enforcing},
    asking::Gate,
    facts::Fact,
    wire::Wire,
    world::OPERATOR,
};
use tokio::time::{interval, timeout};

const NODE: &str = "port";
const IMAGES: usize = 5_000;
/// How long one storm may take.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> Result<()> {
    let images = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(IMAGES);
    let broker = Broker::start(&[NODE]).await?;
    let _roles = roles(&broker)?;
    let facts = broker.listen().await?;
    let mut person = broker.wire().await?;
    person.subscribe("_INBOX.storm").await?;
    for body in [bases("reg.test/base/os", "2", &["1"]), enforcing()] {
        broker.order(&facts, order::CATALOG, &body).await?;
    }

    let began = Instant::now();
    fill(&broker, images).await?;
    let stored = began.elapsed();
    indexed(&mut person, images + 3).await?;
    let indexed = began.elapsed();

    let ban = |image: &str| json!({"image": image, "reason": "a storm", "severity": "high"}).to_string();
    let mut gate = Gate::connect(&broker.gate(NODE)).await?;
    let last = by_digest(&derivative("os", images - 1)?).to_string();
    ensure!(gate.check(&last).await? == "allow", "{last} is refused before the ban");
    let published = Instant::now();
    let storm = order(&mut person, &ban("reg.test/base/os:1")).await?;
    let refused = until_refused(&mut gate, &last, published).await?;
    let named = |fact: &Fact| (fact.kind == "plimsoll.image.invalidated").then_some(fact.at);
    let first = facts.wait("the first image to be named", named).await?.duration_since(published);
    // In the middle of it, another.
    let other = Instant::now();
    let number = order(&mut person, &ban("reg.test/base/other:1")).await?;
    let held = until_refused(&mut gate, &by_digest(&derivative("other", 0)?).to_string(), other).await?;
    let of_the_other = |fact: &Fact| {
        (fact.kind == "plimsoll.campaign.opened" && fact.number("ban") == number).then_some(fact.at)
    };
    let opened = timeout(PATIENCE, facts.wait("the other campaign to open", of_the_other)).await??;
    let opened = opened.duration_since(other);
    let all = eventually("every image to be named", PATIENCE, async || {
        let named = facts.of("plimsoll.image.invalidated");
        (named.len() >= images).then(|| named.iter().map(|fact| fact.at).max())
    });
    let all = all.await?.context("no image is named")?.duration_since(published);
    let closed = |fact: &Fact| {
        (fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == storm).then_some(fact.at)
    };
    let closed = timeout(PATIENCE, facts.wait("the campaign to end", closed)).await??;
    let closed = closed.duration_since(published);
    report(
        images,
        &[
            ("images stored, 64 at once (the floor)", stored),
            ("images indexed", indexed),
            ("ban → refused", refused),
            ("ban → first image named", first),
            ("ban → all images named", all),
            ("ban → planned, each without a source named, closed", closed),
            ("another ban meanwhile → refused", held),
            ("another ban meanwhile → its campaign opened", opened),
        ],
    );
    Ok(())
}

fn roles(broker: &Broker) -> Result<Vec<Process>> {
    let index = format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
    let socket = format!("[gate]\nsocket = \"{}\"\n", broker.gate(NODE).display());
    Ok(vec![
        broker.start_role(Role::Invalidator, "", &index)?,
        broker.start_role(Role::Planner, "", "")?,
        broker.start_role(Role::Gate, NODE, &socket)?,
    ])
}

/// Two bases, one image on the one and all others on the other.
async fn fill(broker: &Broker, images: usize) -> Result<()> {
    let bases = ["os", "other"]
        .map(|base| anyhow::Ok((format!("reg.test/base/{base}:1").parse()?, vec![layer(base)])));
    let above = (0..images).map(|number| ("os", number)).chain([("other", 0)]);
    let above = above.map(|(base, number)| {
        let image = derivative(base, number)?;
        let top = layer(&image.to_string());
        Ok((image, vec![layer(base), top]))
    });
    let images = bases.into_iter().chain(above).map(|image| {
        let (image, layers): (ImageRef, Vec<DiffId>) = image?;
        Ok(pushed(&image, layers))
    });
    let images = images.collect::<Result<Vec<_>>>()?;
    Announcer::connect(broker, Role::Watcher).await?.publish(images, "a storm").await
}

fn derivative(base: &str, number: usize) -> Result<ImageRef> {
    Ok(format!("reg.test/{base}/app-{number}:1").parse()?)
}

async fn indexed(person: &mut Wire, images: usize) -> Result<()> {
    eventually("the images to be indexed", PATIENCE, async || {
        person.publish("plimsoll.rpc.invalidator.status", "_INBOX.storm", b"{}").await?;
        let status: Value = serde_json::from_slice(&person.next().await?.body)?;
        let known = status.get("images").and_then(Value::as_str).unwrap_or_default();
        ensure!(known == images.to_string(), "of {images} images {known} are indexed");
        Ok(())
    })
    .await
}

/// Publishes a ban as a plain client does; the place that it was stored at.
async fn order(person: &mut Wire, body: &str) -> Result<u64> {
    person.publish(&format!("{}.{OPERATOR}", order::BANNED), "_INBOX.storm", body.as_bytes()).await?;
    let said: Value = serde_json::from_slice(&person.next().await?.body)?;
    said.get("seq").and_then(Value::as_u64).with_context(|| format!("the order was not stored: {said}"))
}

async fn until_refused(gate: &mut Gate, image: &str, since: Instant) -> Result<Duration> {
    // Without any pause the loop would measure itself on a small machine.
    let mut ticks = interval(Duration::from_millis(1));
    while gate.check(image).await? != "refuse" {
        ensure!(since.elapsed() < PATIENCE, "the gate never refuses {image}");
        ticks.tick().await;
    }
    Ok(since.elapsed())
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn report(images: usize, times: &[(&str, Duration)]) {
    println!("{images} images on one base");
    let floor = times.first().map_or(f64::NAN, |(_, time)| time.as_secs_f64());
    for (what, time) in times {
        println!("{what:<52} {:>9.3} s  {:>6.2}", time.as_secs_f64(), time.as_secs_f64() / floor);
    }
}
