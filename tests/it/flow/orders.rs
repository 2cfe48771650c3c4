//! Orders come first: however many pushes wait, an order is answered before they are handled.

use anyhow::{Context, Result, ensure};
use events::{order, topology::Role};
use rustix::process::Signal;
use serde_json::json;
use testkit::{
    foreign::{ForeignClient, Outcome},
    wait::eventually,
};
use tests::{
    announced::{Announcer, layer, pushed},
    apart::Broker,
    facts::Fact,
    world::{OPERATOR, STEP},
};

/// More than the feed holds: the rest waits at the broker.
const PUSHES: usize = 600;
/// So many may be named before the answer: the invalidator handles orders and portions of 64 facts in turn. In one queue with the pushes, an order waits for
/// those that the feed holds, which are 256.
const EARLIER: usize = 128;
const INVALIDATED: &str = "plimsoll.image.invalidated";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_answered_before_the_pushes_that_wait() {
    let _machine = super::machine().await;
    let broker = Broker::start(&["lock"]).await.unwrap();
    play(&broker).await.unwrap();
}

async fn play(broker: &Broker) -> Result<()> {
    let folder = format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
    let invalidator = broker.start_role(Role::Invalidator, "", &folder)?;
    let facts = broker.listen().await?;
    let watcher = Announcer::connect(broker, Role::Watcher).await?;
    watcher.publish([pushed(&"reg.test/base/os:1".parse()?, vec![layer("os")])], "base").await?;
    let ban = |image: &str| json!({"image": image, "reason": "a leak"});
    broker.order(&facts, order::BANNED, &ban("reg.test/base/os:1")).await?;
    let named = async |least: usize| {
        eventually("the images to be named as covered", STEP, async || {
            let named = facts.of(INVALIDATED).len();
            ensure!(named >= least, "{named} of {least}");
            Ok(())
        })
        .await
    };
    named(1).await?;

    super::supervision::signal(invalidator.id(), Signal::STOP)?;
    let above = (0..PUSHES).map(|number| {
        let image = format!("reg.test/shop/app-{number}:1").parse()?;
        Ok(pushed(&image, vec![layer("os"), layer(&number.to_string())]))
    });
    watcher.publish(above.collect::<Result<Vec<_>>>()?, "above").await?;
    let client = ForeignClient::new(broker.url(), broker.seed(&format!("operator-{OPERATOR}")));
    let subject = format!("{}.{OPERATOR}", order::BANNED);
    let given = client.publish(&subject, ban("reg.test/base/other:1").to_string().as_bytes()).await?;
    let Outcome::Stored { sequence, .. } = given else { anyhow::bail!("not stored: {given:?}") };
    super::supervision::signal(invalidator.id(), Signal::CONT)?;

    facts.accepted(sequence).await?;
    named(PUSHES + 1).await?;
    let all = facts.all();
    let is_answer = |fact: &Fact| fact.kind == "plimsoll.order.accepted" && fact.number("order") == sequence;
    let answer = all.iter().position(is_answer).context("no answer")?;
    let earlier = all.iter().take(answer).filter(|fact| fact.kind == INVALIDATED).count();
    ensure!(earlier <= EARLIER, "the order was answered after {earlier} of {PUSHES} pushes");
    Ok(())
}
