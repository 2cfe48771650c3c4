//! Credentials in orders: refused by the command line before they are sent and by the invalidator where another client sent them. What an earlier version accepted
//! stands, and is named.

use std::fs;

use anyhow::{Result, bail, ensure};
use events::{order, resolution::OrderAccepted, topology::Role};
use serde_json::{Value, json};
use testkit::{
    foreign::{ForeignClient, Outcome},
    wait::eventually,
};
use tests::{
    apart::Broker,
    world::{OPERATOR, STEP},
};
use verdict::Sequence;

const NODE: &str = "quay";
const TOKEN: &str = "t0ken-that-nobody-may-see";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_in_orders_are_refused_and_those_that_were_accepted_are_named() {
    let _machine = super::machine().await;
    let broker = Broker::start(&[NODE]).await.unwrap();
    played(&broker).await.unwrap();
}

fn project(name: &str, source: &str) -> Value {
    json!({"name": name, "source": source, "image": format!("reg.example/{name}:1")})
}

async fn publish(broker: &Broker, kind: &str, body: &Value) -> Result<u64> {
    let client = ForeignClient::new(broker.url(), broker.seed(&format!("operator-{OPERATOR}")));
    match client.publish(&format!("{kind}.{OPERATOR}"), body.to_string().as_bytes()).await? {
        Outcome::Stored { sequence, .. } => Ok(sequence),
        other => bail!("not stored: {other:?}"),
    }
}

async fn played(broker: &Broker) -> Result<()> {
    let with_token = format!("https://robot:{TOKEN}@git.example/shop.git");
    // The command line sends none of it.
    fs::write(broker.folder().join("shop.json"), project("shop", &with_token).to_string())?;
    let applied = broker.plimsoll(&["apply", "project", "shop.json"]).await?;
    ensure!(applied.code == Some(2) && applied.stderr.contains("credential"), "{applied:?}");
    ensure!(!applied.stderr.contains(TOKEN), "{applied:?}");

    // What an invalidator accepted that knew no such check.
    let stored = publish(broker, order::PROJECT, &project("shop", &with_token)).await?;
    ensure!(stored == 1, "the command line stored an order");
    let seed_file = Some(broker.seed(Role::Invalidator.as_str()));
    let config = bus::Config { url: broker.url().to_owned(), seed_file, node: String::new() };
    let earlier = bus::Connection::connect(&config, "invalidator", STEP).await?;
    let (operator, kind) = (OPERATOR.to_owned(), order::PROJECT.to_owned());
    let accepted = OrderAccepted { order: Sequence(stored), operator, kind, changed: true };
    earlier.publish(accepted, "an earlier version").await?;
    drop(earlier);

    let section = format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
    let invalidator = broker.start_role(Role::Invalidator, NODE, &section)?;
    let facts = broker.listen().await?;
    let said = eventually("the invalidator to answer", STEP, async || {
        let said = broker.plimsoll(&["status", "--order", &stored.to_string()]).await?;
        ensure!(said.code != Some(3), "{}", said.stderr);
        Ok(said)
    })
    .await?;
    ensure!(said.code == Some(0), "what was accepted stands: {said:?}");

    let bodies = [
        (order::PROJECT, project("web", &with_token), "source"),
        (order::PROJECT, project("web", &format!("https://{TOKEN}@git.example/web.git")), "source"),
        (
            order::PROJECT,
            json!({"name": "web", "source": "https://h/web", "image": "reg.example/web:1", "webhook": format!("https://u:{TOKEN}@h/x")}),
            "webhook",
        ),
        // What cannot be read is answered without its text, too.
        (
            order::PROJECT,
            json!({"name": "web", "source": "https://h/web", "image": format!("https://u:{TOKEN}@h/x")}),
            "image",
        ),
        (
            order::BANNED,
            json!({"image": "reg.example/a:1", "reason": format!("see https://u:{TOKEN}@h/x")}),
            "reason",
        ),
        (
            order::CATALOG,
            json!({"section": "remedies", "remedies": [{"name": "patch", "argv": ["curl", format!("https://u:{TOKEN}@h/x")]}]}),
            "remedies.argv",
        ),
        (
            order::POLICY,
            json!({"name": "ours", "failOn": "error", "data": {"feed": format!("https://u:{TOKEN}@h/x")}}),
            "data.feed",
        ),
    ];
    let mut rejected = Vec::new();
    for (kind, body, field) in bodies {
        let sequence = publish(broker, kind, &body).await?;
        let reason = facts
            .wait(&format!("order {sequence} to be rejected"), |fact| {
                let own = fact.number("order") == sequence;
                ensure_not_accepted(fact.kind == "plimsoll.order.accepted" && own, &body);
                (fact.kind == "plimsoll.order.rejected" && own).then(|| fact.text("reason").to_owned())
            })
            .await?;
        ensure!(reason.contains(&format!("`{field}` holds a credential")), "{reason}");
        rejected.push((sequence, field));
    }
    let fine = publish(broker, order::PROJECT, &project("fine", "ssh://git@git.example/fine.git")).await?;
    facts.accepted(fine).await?;

    let named = broker.plimsoll(&["credentials"]).await?;
    ensure!(named.code == Some(1) && named.stderr.contains("Change each credential"), "{named:?}");
    let lines: Vec<&str> = named.stdout.lines().collect();
    ensure!(lines.len() == 1 + rejected.len(), "{named:?}");
    ensure!(
        lines[0].starts_with(&format!("order {stored} by {OPERATOR} at "))
            && lines[0].ends_with("in source; in use"),
        "{named:?}"
    );
    for (line, (sequence, field)) in lines[1..].iter().zip(&rejected) {
        ensure!(
            line.starts_with(&format!("order {sequence} ")) && line.ends_with(&format!("in {field}")),
            "{line}"
        );
    }

    // Applied again without it, it is no longer in use; in ORDERS it lies for ever.
    let again = publish(broker, order::PROJECT, &project("shop", "https://git.example/shop.git")).await?;
    facts.accepted(again).await?;
    let after = broker.plimsoll(&["credentials"]).await?;
    ensure!(after.code == Some(1) && !after.stdout.contains("in use"), "{after:?}");

    for text in [named.stdout, named.stderr, invalidator.log()] {
        ensure!(!text.contains(TOKEN), "{text}");
    }
    // The operator hears the orders themselves, too.
    let is_order = |kind: &str| order::ENTRIES.iter().any(|entry| entry.kind == kind);
    let mut told = facts.all().into_iter().filter(|fact| !is_order(&fact.kind));
    let told = told.find(|fact| fact.body.to_string().contains(TOKEN));
    ensure!(told.is_none(), "{told:?}");
    Ok(())
}

#[track_caller]
fn ensure_not_accepted(accepted: bool, body: &Value) {
    assert!(!accepted, "accepted: {body}");
}
