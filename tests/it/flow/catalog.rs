//! Version ranges, a replacement rule, a hold and an exception, from the order to the image: what is swapped, how the source should say
//! it, and what a ban makes of a project that keeps its version. Only the roles that build take part.

use anyhow::{Context, Result, ensure};
use events::order;
use serde_json::{Value, json};
use tests::{apart::enforcing, facts::Fact, images};

use super::yard::{Yard, used};

/// A year for which a hold lasts: longer than any run of this test.
const LATER: &str = "2999-01-01T00:00:00Z";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catalog_of_ranges_rules_and_holds_decides_what_is_built() {
    let _machine = super::machine().await;
    let yard = Yard::start().await.unwrap();
    if let Err(error) = play(&yard).await {
        panic!("{error:#}\n{}", yard.logs());
    }
}

async fn play(yard: &Yard) -> Result<()> {
    let os = yard.os()?;
    for version in ["10.4.7", "10.4.8", "10.5.1", "10.5.2", "11.0.0"] {
        images::base(version)?.make()?.push(&yard.client, &format!("{os}:{version}").parse()?).await?;
    }
    let bases = json!([{
        "repository": os, "current": "11.0.0", "allowed": [">=10.5 <11"], "outdated": ["<10.5"], "pin": true,
    }]);
    yard.order(order::CATALOG, json!({"section": "bases", "bases": bases})).await?;
    yard.order(order::CATALOG, enforcing()).await?;
    let holds = json!([{"project": "held", "image": format!("{os}:10.4.7"), "reason": "a driver", "ticket": "OPS-7", "expires": LATER}]);
    yard.order(order::CATALOG, json!({"section": "holds", "holds": holds})).await?;
    let rules =
        json!([{"name": "hub", "regex": "docker\\.io/acme/os:v(.*)", "with": format!("{os}:${{1}}")}]);
    yard.order(order::CATALOG, json!({"section": "replacements", "replacements": rules})).await?;
    let tool = yard.registry.image("outside/tool:1")?.to_string();
    images::tool()?.make()?.push(&yard.client, &tool.parse()?).await?;
    let exceptions = json!([{
        "name": "a-tool", "project": "excepted", "base": tool, "ends": LATER, "reason": "a port", "ticket": "OPS-8",
        "requestedBy": "bob", "approvedBy": "carol",
    }]);
    yard.order(order::CATALOG, json!({"section": "exceptions", "exceptions": exceptions})).await?;
    indexed(yard, &format!("{os}:10.5.2")).await?;
    excepted(yard, &tool).await?;
    swapped(yard).await?;
    kept(yard).await?;
    refused_later(yard).await
}

/// A version that only a range means is read as soon as it is there.
async fn indexed(yard: &Yard, image: &str) -> Result<()> {
    let of_image = |fact: &Fact| {
        let (tag, _) = fact.text("reference").split_once('@').unwrap_or_default();
        fact.kind == "plimsoll.base.indexed" && tag == image
    };
    let heard = |fact: &Fact| of_image(fact).then_some(());
    yard.facts.wait(&format!("{image} to be indexed"), heard).await
}

/// One project may, another may not.
async fn excepted(yard: &Yard, tool: &str) -> Result<()> {
    let definition = format!("FROM {tool}\nRUN echo x > /x\n");
    let built = yard.build("excepted", &definition).await?;
    ensure!(built.text("outcome") == "published", "{}", built.text("message"));
    ensure!(used(&built).starts_with(tool), "built on {}", used(&built));
    let built = yard.build("stranger", &definition).await?;
    ensure!(built.text("outcome") == "refused", "{}", built.text("message"));
    Ok(())
}

async fn swapped(yard: &Yard) -> Result<()> {
    let os = yard.os()?;
    let built =
        yard.build("ranged", "ARG VERSION=10.4.8\nFROM {os}:${VERSION} AS app\nRUN echo x > /x\n").await?;
    ensure!(built.text("outcome") == "published", "{}", built.text("message"));
    ensure!(used(&built).starts_with(&format!("{os}:10.5.2@sha256:")), "built on {}", used(&built));
    let digest = used(&built).split_once('@').context("no digest")?.1;
    let expected = format!("ARG VERSION=10.5.2@{digest}\nFROM {os}:${{VERSION}} AS app\nRUN echo x > /x\n");
    let applied = yard.applied("ranged", &built).await?;
    ensure!(applied == expected, "git makes {applied:?} of it");
    let built = yard.build("foreign", "FROM acme/os:v10.5.1\nRUN echo x > /x\n").await?;
    ensure!(used(&built).starts_with(&format!("{os}:10.5.1@")), "{}", built.text("message"));
    let built = yard.build("major", "FROM {os}:9.1.0\nRUN echo x > /x\n").await?;
    let message = built.text("message");
    ensure!(built.text("outcome") == "refused", "a major step was made: {message}");
    ensure!(message.contains("outdated <10.5") && message.contains("exception"), "{message}");
    Ok(())
}

async fn kept(yard: &Yard) -> Result<()> {
    let os = yard.os()?;
    let built = yard.build("held", "FROM {os}:10.4.7\nRUN echo x > /x\n").await?;
    ensure!(
        built.text("outcome") == "published" && built.text("diff").is_empty(),
        "{}",
        built.text("message")
    );
    ensure!(used(&built).starts_with(&format!("{os}:10.4.7@")), "built on {}", used(&built));
    let ban =
        json!({"image": format!("{os}:10.4.7"), "reason": "libfix lets anybody in", "severity": "high"});
    let ban = yard.order(order::BANNED, ban).await?;
    let closed = yard.closed(ban).await?;
    let stragglers = closed.texts("stragglers").join("\n");
    ensure!(closed.number("replaced") == 0 && stragglers.contains("OPS-7"), "{stragglers}");
    Ok(())
}

/// What a worker had scanned and built is refused by a policy that comes later; nothing is built by that.
async fn refused_later(yard: &Yard) -> Result<()> {
    let rego = "package main\nimport rego.v1\ndeny contains \"no more\" if count(input) > 0\n";
    let modules = json!([{"file": "late.rego", "text": rego}]);
    let builds = yard.facts.of("plimsoll.build.queued").len();
    yard.order(order::POLICY, json!({"name": "late", "modules": modules, "projects": ["excepted"]})).await?;
    let refused = |fact: &Fact| {
        let became = fact.body.get("becameRefused").and_then(Value::as_bool) == Some(true);
        (fact.kind == "plimsoll.scan.finished" && fact.text("project") == "excepted" && became)
            .then(|| fact.clone())
    };
    let refused = yard.facts.wait("the definition to be refused", refused).await?;
    ensure!(
        refused.body.to_string().contains("late/main.deny") && refused.text("build").is_empty(),
        "{refused:?}"
    );
    let built = |fact: &&Fact| fact.text("project") == "excepted" && fact.number("policyRevision") == 0;
    let scans = yard.facts.of("plimsoll.scan.finished");
    let first = scans.iter().find(built).context("the worker's scan")?;
    ensure!(first.text("definitionDigest") == refused.text("definitionDigest"), "{first:?}");
    ensure!(first.text("commit") == refused.text("commit"), "{first:?}");
    ensure!(yard.facts.of("plimsoll.build.queued").len() == builds, "a scan built something");
    Ok(())
}
