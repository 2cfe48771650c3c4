//! What fails for a reason outside is built as soon as that reason is gone, by itself and once; and what waits keeps nothing else from being built.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bus::Connection;
use events::{fact::SourcePushed, order, topology::Role};
use serde_json::json;
use testkit::{
    git::BRANCH,
    http_proxy::{Fault, HttpProxy},
    proxy::Proxy,
    wait::eventually,
};
use tests::{
    apart::{bases, enforcing},
    facts::Fact,
    images,
    world::STEP,
};

use super::yard::Yard;

/// What "promptly" means for a debug build on a busy machine; a hanging host used to hold everything up for minutes.
const PROMPT: Duration = Duration::from_secs(30);

const BASIC: &str = "WWW-Authenticate: Basic realm=\"registry\"";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registry_that_fails_for_a_while_costs_no_build() {
    let _machine = super::machine().await;
    let yard = Yard::start().await.unwrap();
    if let Err(error) = registry_fails(&yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn registry_fails(yard: &Yard) -> Result<()> {
    let proxy = HttpProxy::start(yard.registry.host()).await?;
    let os = format!("{}/base/os", proxy.host());
    images::base("1.0.1")?.make()?.push(&yard.client, &format!("{os}:1.0.1").parse()?).await?;
    yard.order(order::CATALOG, bases(&os, "1.0.1", &[])).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    let faults = [
        ("unauthorized", "", Fault::Status(401, vec![BASIC.to_owned()])),
        ("forbidden", "", Fault::Status(403, vec![])),
        ("missing", "", Fault::Status(404, vec![])),
        ("broken", "", Fault::Status(500, vec![])),
        ("busy", "", Fault::Status(429, vec![])),
        // The base can be read, and nothing written.
        ("readonly", "PUT ", Fault::Status(401, vec![BASIC.to_owned()])),
    ];
    for (name, about, fault) in faults {
        let source = yard.git.create(name).await?;
        let image = format!("{}/team/{name}:1", proxy.host());
        let project = json!({"name": name, "source": source, "branch": BRANCH, "image": image});
        yard.order(order::PROJECT, project).await?;
        proxy.fail_where(about, fault);
        let definition = format!("FROM {os}:1.0.1\nRUN echo {name} > /which\n");
        let commit = yard.git.commit_and_push(name, &[("Dockerfile", &definition)], "A definition").await?;
        let failed = yard.built(name, &commit).await?;
        ensure!(
            failed.text("outcome") == "failed",
            "{name}: {} ({})",
            failed.text("outcome"),
            failed.text("message")
        );
        ensure!(!failed.text("retryAt").is_empty(), "{name} is not said to be tried again");
        let status = yard.plimsoll(&["status"]).await?;
        ensure!(status.contains(name), "status does not name {name}: {status}");
        proxy.recover();
        let published = published(yard, name).await.with_context(|| format!("after {name}"))?;
        ensure!(published.number("attempt") > 1, "{name}: {published:?}");
    }
    for (name, ..) in [("unauthorized", ""), ("readonly", "")] {
        let image = yard.registry.image(&format!("team/{name}:1"))?;
        ensure!(yard.registry.tagged(&image)?.len() == 1, "{name} was published more than once");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hanging_git_host_delays_its_own_projects_alone() {
    let _machine = super::machine().await;
    let yard = Yard::start().await.unwrap();
    if let Err(error) = git_host_hangs(&yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn git_host_hangs(yard: &Yard) -> Result<()> {
    let os = yard.os()?;
    for version in ["1.0.1", "1.0.2"] {
        images::base(version)?.make()?.push(&yard.client, &format!("{os}:{version}").parse()?).await?;
    }
    yard.order(order::CATALOG, bases(&os, "1.0.1", &["1.0.2"])).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    let before = yard.build("before", "FROM {os}:1.0.1\nRUN echo before > /which\n").await?;
    ensure!(before.text("outcome") == "published", "{}", before.text("message"));
    // A host that accepts connections and never answers, with twelve projects; the commits are there, once it does.
    let address =
        yard.git.url("").trim_start_matches("git://").split('/').next().unwrap_or_default().to_owned();
    let hanging = Proxy::start(address.clone()).await?;
    hanging.freeze();
    let watcher = yard.connect(Role::Watcher).await?;
    let names: Vec<String> = (0..12).map(|number| format!("stuck-{number}")).collect();
    for name in &names {
        stuck(yard, &watcher, name, &address, &hanging.address().to_string()).await?;
    }
    let started = |fact: &Fact| {
        (fact.kind == "plimsoll.build.started" && fact.text("project").starts_with("stuck-")).then_some(())
    };
    yard.facts.wait("a build to reach the host", started).await?;
    // A push elsewhere, and a critical ban's rebuild.
    let begun = Instant::now();
    let good = yard.build("good", "FROM {os}:1.0.1\nRUN echo good > /which\n").await?;
    ensure!(good.text("outcome") == "published", "{}", good.text("message"));
    ensure!(begun.elapsed() < PROMPT, "the push on a good host took {:?}", begun.elapsed());
    let begun = Instant::now();
    let ban = yard.ban("critical", "1.0.1", "1.0.2").await?;
    let closed = yard.closed(ban).await?;
    ensure!(closed.texts("stragglers").is_empty(), "{:?}", closed.texts("stragglers"));
    ensure!(begun.elapsed() < PROMPT, "the rebuild took {:?}", begun.elapsed());
    let waits = async || -> Result<()> {
        let status = yard.plimsoll(&["status"]).await?;
        ensure!(status.contains("waits") && status.contains("stuck-"), "{status}");
        Ok(())
    };
    eventually("status to say what waits", STEP * 2, waits).await?;
    // It comes back, and all of them are built, each once.
    hanging.thaw();
    for name in &names {
        published(yard, name).await?;
    }
    for name in &names {
        let ends = yard.facts.of("plimsoll.build.finished");
        let ends =
            ends.iter().filter(|fact| fact.text("project") == name && fact.text("outcome") == "published");
        ensure!(ends.count() == 1, "{name} was published more than once");
    }
    Ok(())
}

/// A project on the hanging host, to which something was pushed.
async fn stuck(yard: &Yard, watcher: &Connection, name: &str, address: &str, hanging: &str) -> Result<()> {
    let source = yard.git.create(name).await?.replace(address, hanging);
    let image = yard.registry.image(&format!("team/{name}:1"))?.to_string();
    yard.order(order::PROJECT, json!({"name": name, "source": source, "branch": BRANCH, "image": image}))
        .await?;
    let definition = format!("FROM {}:1.0.2\nRUN echo {name} > /which\n", yard.os()?);
    let commit = yard.git.commit_and_push(name, &[("Dockerfile", &definition)], "A definition").await?;
    let pushed = SourcePushed { project: name.parse()?, commit: commit.clone(), branch: BRANCH.to_owned() };
    watcher.publish(pushed, &commit).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_is_away_costs_no_build_and_a_person_can_ask_for_one() {
    let _machine = super::machine().await;
    let mut yard = Yard::start().await.unwrap();
    if let Err(error) = scanner_is_away(&mut yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn scanner_is_away(yard: &mut Yard) -> Result<()> {
    let os = yard.os()?;
    images::base("1.0.1")?.make()?.push(&yard.client, &format!("{os}:1.0.1").parse()?).await?;
    yard.order(order::CATALOG, bases(&os, "1.0.1", &[])).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    yard.role(Role::Scanner)?.kill()?;
    yard.project("app").await?;
    let commit = yard.push("app", "FROM {os}:1.0.1\nRUN echo app > /which\n").await?;
    let failed = yard.built("app", &commit).await?;
    ensure!(failed.text("outcome") == "failed" && failed.text("class") == "transient", "{failed:?}");
    // A restart of the planner in between loses nothing.
    yard.role(Role::Planner)?.kill()?;
    yard.role(Role::Planner)?.restart()?;
    yard.role(Role::Scanner)?.restart()?;
    published(yard, "app").await?;
    let said = yard.plimsoll(&["build", "app"]).await?;
    ensure!(said.contains("published already"), "{said}");
    // What failed for the team's reasons is built again when a person says so.
    let failed = yard.build("broken", "FROM {os}:1.0.1\nRUN false\n").await?;
    ensure!(failed.text("outcome") == "failed" && failed.text("class") == "team", "{failed:?}");
    yard.plimsoll(&["build", "broken"]).await?;
    let again = |fact: &Fact| {
        let of_it = fact.kind == "plimsoll.build.finished" && fact.text("project") == "broken";
        (of_it && fact.number("attempt") == 2).then_some(())
    };
    yard.facts.wait("the second attempt to end", again).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_published_on_orders_that_are_too_old() {
    let _machine = super::machine().await;
    let mut yard = Yard::start_with("[worker.freshness]\nmax_age_secs = 10\n").await.unwrap();
    if let Err(error) = invalidator_is_frozen(&mut yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn invalidator_is_frozen(yard: &mut Yard) -> Result<()> {
    let os = yard.os()?;
    images::base("1.0.1")?.make()?.push(&yard.client, &format!("{os}:1.0.1").parse()?).await?;
    yard.order(order::CATALOG, bases(&os, "1.0.1", &[])).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    yard.project("app").await?;
    let invalidator = rustix::process::Pid::from_raw(i32::try_from(yard.role(Role::Invalidator)?.id())?)
        .context("the invalidator has no process")?;
    rustix::process::kill_process(invalidator, rustix::process::Signal::STOP)?;
    let shown = async |expected: bool| {
        eventually(format!("status to say that the worker is stale: {expected}"), STEP, async || {
            let status = yard.plimsoll(&["status"]).await?;
            ensure!(status.contains("what this worker knows of the orders is") == expected, "{status}");
            anyhow::Ok(())
        })
        .await
    };
    shown(true).await?;
    let commit = yard.push("app", "FROM {os}:1.0.1\nRUN echo app > /which\n").await?;
    let failed = yard.built("app", &commit).await?;
    ensure!(failed.text("outcome") == "failed" && failed.text("class") == "transient", "{failed:?}");
    ensure!(failed.text("message").contains("what this worker knows"), "{failed:?}");
    let image = yard.registry.image("team/app:1")?;
    ensure!(yard.tagged("app").await.is_err(), "app was published on orders that were too old");
    rustix::process::kill_process(invalidator, rustix::process::Signal::CONT)?;
    shown(false).await?;
    let published = published(yard, "app").await?;
    ensure!(published.number("attempt") > 1, "{published:?}");
    ensure!(yard.registry.tagged(&image)?.len() == 1, "app was published more than once");
    Ok(())
}

async fn published(yard: &Yard, name: &str) -> Result<Fact> {
    let published = |fact: &Fact| {
        let of_it = fact.kind == "plimsoll.build.finished" && fact.text("project") == name;
        (of_it && fact.text("outcome") == "published").then(|| fact.clone())
    };
    yard.facts.wait(&format!("{name} to be published"), published).await
}
