//! What comes in the middle of something else: a second ban while the first one's campaign runs, a push while an older one is built. What
//! stands under a tag at the end is what was asked for last, and never what is banned.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use artifact::chain_ids;
use events::order;
use serde_json::json;
use tests::{apart::enforcing, facts::Fact, images};

use super::yard::Yard;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_word_stands_under_the_tag() {
    let _machine = super::machine().await;
    let yard = Yard::start().await.unwrap();
    if let Err(error) = play(&yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn play(yard: &Yard) -> Result<()> {
    let os = yard.os()?;
    for version in ["1.0.1", "1.0.2", "1.0.3", "2.0.1", "2.0.2"] {
        images::base(version)?.make()?.push(&yard.client, &format!("{os}:{version}").parse()?).await?;
    }
    // The catalog has no way from 1.0.1 to 1.0.3: only the bans lead there.
    let bases =
        json!([{"repository": os, "current": "1.0.1", "allowed": ["1.0.2", "1.0.3", "2.0.1", "2.0.2"]}]);
    yard.order(order::CATALOG, json!({"section": "bases", "bases": bases})).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    overtaken_by_a_push(yard).await?;
    a_rebuild_does_not_overtake(yard).await?;
    overtaken_by_a_ban(yard).await
}

/// Two pushes, of which the second is built first: the tag is its, and the first one says so.
async fn overtaken_by_a_push(yard: &Yard) -> Result<()> {
    yard.project("hasty").await?;
    let slow = yard.push("hasty", "FROM {os}:1.0.1\nRUN sleep 8 && echo slow > /which\n").await?;
    let started =
        |fact: &Fact| (fact.kind == "plimsoll.build.started" && fact.text("commit") == slow).then_some(());
    yard.facts.wait("the slow build to start", started).await?;
    let quick = yard.push("hasty", "FROM {os}:1.0.1\nRUN echo quick > /which\n").await?;
    let quick = yard.built("hasty", &quick).await?;
    ensure!(quick.text("outcome") == "published", "{}", quick.text("message"));
    let slow = yard.built("hasty", &slow).await?;
    ensure!(slow.text("outcome") == "superseded", "{}: {}", slow.text("outcome"), slow.text("message"));
    ensure!(
        slow.text("digest") != quick.text("digest") && slow.text("message").contains(quick.text("digest"))
    );
    let ever = yard.registry.tagged(&yard.registry.image("team/hasty:1")?)?;
    ensure!(
        ever == BTreeSet::from([quick.text("digest").parse()?]),
        "the tag was not the newer push's alone"
    );
    let replaced = yard.facts.of("plimsoll.image.replaced");
    ensure!(replaced.is_empty(), "nothing was banned: {replaced:?}");
    Ok(())
}

/// A push is being built when a ban has what stands under the tag rebuilt, from the commit before. That rebuild was released later and ends
/// later, and the tag is the newer commit's all the same.
async fn a_rebuild_does_not_overtake(yard: &Yard) -> Result<()> {
    yard.build("growing", "FROM {os}:2.0.1\nRUN sleep 8 && echo old > /which\n").await?;
    let new = yard.push("growing", "FROM {os}:2.0.2\nRUN sleep 4 && echo new > /which\n").await?;
    let started =
        |fact: &Fact| (fact.kind == "plimsoll.build.started" && fact.text("commit") == new).then_some(());
    yard.facts.wait("the newer push's build to start", started).await?;
    let ban = yard.ban("high", "2.0.1", "2.0.2").await?;
    let new = yard.built("growing", &new).await?;
    ensure!(new.text("outcome") == "published", "{}", new.text("message"));
    let closed = yard.closed(ban).await?;
    ensure!(closed.texts("stragglers").is_empty(), "{:?}", closed.texts("stragglers"));
    let rebuilt = |fact: &Fact| {
        let of_it = fact.kind == "plimsoll.build.finished" && fact.text("project") == "growing";
        (of_it && fact.number("ban") == ban).then(|| fact.clone())
    };
    let rebuilt = yard.facts.wait("the rebuild to end", rebuilt).await?;
    ensure!(
        rebuilt.text("outcome") == "superseded",
        "{}: {}",
        rebuilt.text("outcome"),
        rebuilt.text("message")
    );
    let tagged = yard.tagged("growing").await?.to_string();
    ensure!(tagged == new.text("digest"), "{tagged} stands under the tag, and not the newer commit's image");
    Ok(())
}

/// 1.0.2, on which the first ban's rebuild is being made, is banned too: that rebuild begins anew on 1.0.3, and nothing is left over.
async fn overtaken_by_a_ban(yard: &Yard) -> Result<()> {
    let built = yard.build("app", "FROM {os}:1.0.1\nRUN sleep 5 && echo app > /app\n").await?;
    ensure!(built.text("outcome") == "published", "{}", built.text("message"));
    let first = yard.ban("high", "1.0.1", "1.0.2").await?;
    let started = |fact: &Fact| {
        let of_it = fact.kind == "plimsoll.build.started" && fact.text("project") == "app";
        (of_it && fact.number("ban") == first).then_some(())
    };
    yard.facts.wait("the rebuild to start", started).await?;
    let second = yard.ban("high", "1.0.2", "1.0.3").await?;
    let closed = yard.closed(first).await?;
    ensure!(closed.texts("stragglers").is_empty(), "{:?}", closed.texts("stragglers"));
    let closed = yard.closed(second).await?;
    ensure!(closed.texts("stragglers").is_empty(), "{:?}", closed.texts("stragglers"));
    for project in ["app", "hasty"] {
        ensure!(stands_on(yard, project, "1.0.3").await?, "{project} does not stand on what is allowed last");
    }
    // The rebuild that began anew was never seen: the tag moved once, from the push's image to the last one.
    let ever: BTreeSet<_> = yard.registry.tagged(&yard.registry.image("team/app:1")?)?;
    let expected = BTreeSet::from([built.text("digest").parse()?, yard.tagged("app").await?]);
    ensure!(ever == expected, "the tag has moved to {ever:?}");
    Ok(())
}

async fn stands_on(yard: &Yard, project: &str, version: &str) -> Result<bool> {
    let base = yard.client.describe(&format!("{}:{version}", yard.os()?).parse()?).await?;
    let base = base.instances.first().context("the base has no instance")?;
    let top = chain_ids(&base.layers).pop().context("the base has no layers")?;
    let image = yard.client.describe(&yard.registry.image(&format!("team/{project}:1"))?).await?;
    Ok(image.instances.iter().all(|instance| chain_ids(&instance.layers).contains(&top)))
}
