//! The rules change, and every definition that was ever scanned is scanned again: once under each rulebook, by two scanners of which one is killed, and
//! with nothing built by it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Result, ensure};
use artifact::Digest;
use events::{
    Body as _,
    fact::ScanFinished,
    order,
    rpc::{KnownDefinition, ScanRequest},
    topology::{Bucket, Role, StreamName},
};
use serde_json::json;
use testkit::{git::BRANCH, wait::eventually};
use tests::{
    facts::{Fact, stored},
    notices::Notices,
    world::STEP,
};

use super::{Quay, REGISTRIES, policy};

const PROJECTS: usize = 12;
/// What refuses nothing.
const MILD: &str = "package main\nimport rego.v1\nwarn contains \"mild\" if count(input) > 0\n";

/// A definition that was scanned again, by what it was judged.
type Rescan = (String, String, u64, u64);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn known_definitions_are_scanned_again_once_whoever_dies() {
    let _machine = crate::flow::machine().await;
    let roles = [Role::Invalidator, Role::Scanner, Role::Scanner, Role::Notifier];
    let mut quay = Quay::start(&roles).await.unwrap();
    let played = play(&mut quay).await;
    quay.tell(played);
}

fn name(number: usize) -> String {
    format!("shop-{number}")
}

/// Every third one is built on a foreign base.
fn is_foreign(number: usize) -> bool {
    number.is_multiple_of(3)
}

async fn play(quay: &mut Quay) -> Result<()> {
    let notices = Notices::start().await?;
    for number in 0..PROJECTS {
        let project = json!({
            "name": name(number), "source": "https://git.example/shop.git", "branch": BRANCH,
            "image": format!("reg.example/shop/web:{number}"), "webhook": notices.url(),
        });
        quay.accepted(order::PROJECT, &project).await?;
        known(quay, number).await?;
    }
    let data = json!({"data": {"registry": "reg.example/"}, "projects": ["shop-*"]});
    quay.accepted(order::POLICY, &policy("registries", REGISTRIES, data)).await?;
    all_again(quay, 1, PROJECTS / 3).await?;
    // A scanner dies with the work in its hands; what it left is done by the other, and by its successor.
    quay.accepted(order::POLICY, &policy("registries", MILD, json!({"projects": ["shop-*"]}))).await?;
    quay.roles[1].kill()?;
    all_again(quay, 2, 0).await?;
    quay.roles[1].restart()?;
    quay.accepted(order::CATALOG, &json!({"section": "doors", "doors": {"from": "enforce"}})).await?;
    all_again(quay, 3, PROJECTS).await?;
    once(quay).await?;
    told(&notices).await?;
    ensure!(quay.facts.of("plimsoll.build.queued").is_empty(), "a rescan built something");
    Ok(())
}

/// What a worker leaves of a build: the definition that was scanned, and the fact.
async fn known(quay: &Quay, number: usize) -> Result<()> {
    let registry = if is_foreign(number) { "hub.example" } else { "reg.example" };
    let definition = format!("FROM {registry}/os:{number}\nUSER 1000\n");
    let worker = quay.connect(Role::Worker).await?;
    let request = ScanRequest {
        definition: definition.clone(),
        project: Some(name(number).parse()?),
        ..ScanRequest::default()
    };
    let known = KnownDefinition { commit: format!("commit-{number}"), request: Box::new(request), pushed: 0 };
    worker.entries(Bucket::Definitions).await?.put(&name(number), known.encode()).await?;
    let fact = ScanFinished {
        build: format!("{}@1", name(number)),
        project: name(number).parse()?,
        commit: format!("commit-{number}"),
        definition_digest: Digest::of(definition.as_bytes()),
        refused: false,
        findings: Vec::new(),
        catalog_revision: 0,
        policy_revision: 0,
        became_refused: false,
    };
    worker.publish(fact, "a build").await?;
    worker.drain().await;
    Ok(())
}

fn rescan(fact: &Fact) -> Option<Rescan> {
    let again = fact.kind == "plimsoll.scan.finished" && fact.text("build").is_empty();
    again.then(|| {
        let rules = (fact.number("catalogRevision"), fact.number("policyRevision"));
        (fact.text("project").to_owned(), fact.text("definitionDigest").to_owned(), rules.0, rules.1)
    })
}

/// Waits until all definitions were scanned under so many rulebooks, the last of which refuses so many. Read from the stream: an ear hears also what two
/// said and the stream took from one.
async fn all_again(quay: &Quay, rulebooks: usize, refused: usize) -> Result<()> {
    eventually(format_args!("rulebook {rulebooks} to be everybody's"), Duration::from_secs(120), async || {
        let mut scans = stored(quay.broker.url(), &quay.broker.keys(), StreamName::Builds).await?;
        scans.retain(|fact| rescan(fact).is_some());
        let mut under: BTreeMap<(u64, u64), Vec<&Fact>> = BTreeMap::new();
        for scan in &scans {
            under
                .entry((scan.number("catalogRevision"), scan.number("policyRevision")))
                .or_default()
                .push(scan);
        }
        ensure!(under.len() == rulebooks, "{} rulebooks", under.len());
        let last = under.into_values().next_back().unwrap_or_default();
        let no = last.iter().filter(|fact| fact.body.get("refused").is_some_and(|no| no == true)).count();
        ensure!((last.len(), no) == (PROJECTS, refused), "{} scanned, {no} refused", last.len());
        Ok(())
    })
    .await
}

async fn once(quay: &Quay) -> Result<()> {
    let facts = stored(quay.broker.url(), &quay.broker.keys(), StreamName::Builds).await?;
    let mut counts: BTreeMap<Rescan, usize> = BTreeMap::new();
    for scan in facts.iter().filter_map(rescan) {
        *counts.entry(scan).or_default() += 1;
    }
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
    ensure!(twice.is_empty(), "scanned more than once: {twice:?}");
    ensure!(counts.len() == 3 * PROJECTS, "{} scans", counts.len());
    Ok(())
}

/// A team hears each time that its definition becomes refused, and not when it stays so.
async fn told(notices: &Notices) -> Result<()> {
    eventually("the teams to be told", STEP, async || {
        for number in 0..PROJECTS {
            let expected = if is_foreign(number) { 2 } else { 1 };
            let found = notices.of(&name(number));
            ensure!(found.len() == expected, "{}: {found:?}", name(number));
        }
        Ok(())
    })
    .await?;
    let first = notices.of(&name(0)).remove(0);
    let said = first.to_string();
    ensure!(said.contains("registries/main.deny_registry") && said.contains("commit-0"), "{said}");
    Ok(())
}
