//! Orders that are stored while the invalidator is away: the command line claims nothing that it has not been told.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use events::{order, topology::Role};
use serde_json::json;
use testkit::{
    command::Finished,
    foreign::{ForeignClient, Outcome},
    wait::eventually,
};
use tests::{
    apart::Broker,
    world::{OPERATOR, STEP},
};

const NODE: &str = "quay";
const IMAGE: &str = "reg.example/base/os:1";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_not_confirmed_claims_nothing() {
    let _machine = super::machine().await;
    let broker = Broker::start(&[NODE]).await.unwrap();
    let [refused, catalog] = given_to_nobody(&broker).await.unwrap();
    answered_later(&broker, refused, catalog).await.unwrap();
}

/// Every order kind that the command line gives. Yields the sequences of the ban that cannot be meant and of the catalog section.
async fn given_to_nobody(broker: &Broker) -> Result<[u64; 2]> {
    let file = |name: &str, body: serde_json::Value| {
        fs::write(broker.folder().join(name), body.to_string()).map(|()| name.to_owned())
    };
    let bases = json!({"section": "bases", "bases": [{"repository": "reg.example/base/os", "current": "1"}]});
    let catalog = file("catalog.json", bases)?;
    let project =
        json!({"name": "shop", "source": "https://git.example/shop.git", "image": "reg.example/shop:1"});
    let project = file("project.json", project)?;
    let policy = file("policy.json", json!({"name": "ours", "failOn": "warning"}))?;
    let arguments: [&[&str]; 6] = [
        &["ban", IMAGE, "--reason", "CVE-2026-1"],
        &["ban", IMAGE, "--reason", "CVE-2026-2", "--remedy", "nope"],
        &["lift", IMAGE, "--reason", "fixed"],
        &["apply", "catalog", &catalog],
        &["apply", "project", &project],
        &["policy", "apply", &policy],
    ];
    // At once, since each waits for an answer that does not come.
    let mut sequences = Vec::new();
    let given = futures::future::join_all(arguments.map(|arguments| broker.plimsoll(arguments))).await;
    for (arguments, finished) in arguments.iter().zip(given) {
        sequences.push(unconfirmed(&finished?).with_context(|| format!("{arguments:?}"))?);
    }
    let removed = broker.plimsoll(&["policy", "remove", "ours"]).await?;
    ensure!(removed.code == Some(3) && !removed.stderr.contains("in force"), "{removed:?}");
    Ok([sequences[1], sequences[3]])
}

/// The order's sequence.
fn unconfirmed(finished: &Finished) -> Result<u64> {
    let both = format!("{}{}", finished.stdout, finished.stderr);
    ensure!(finished.code == Some(3), "{:?}: {both}", finished.code);
    ensure!(both.contains("stored; not confirmed yet"), "{both}");
    for claim in ["in force", "at every gate", "accepted"] {
        ensure!(!both.contains(claim), "the output claims `{claim}`: {both}");
    }
    let sequence = both.split("order ").nth(1).and_then(|rest| rest.split(':').next());
    let sequence = sequence.context("it names no order")?;
    ensure!(both.contains(&format!("plimsoll status --order {sequence}")), "{both}");
    Ok(sequence.parse()?)
}

/// What became of an order is known as soon as the invalidator has read it.
async fn answered_later(broker: &Broker, refused: u64, catalog: u64) -> Result<()> {
    let section = format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
    let _invalidator = broker.start_role(Role::Invalidator, NODE, &section)?;
    let status = async |order: u64| broker.plimsoll(&["status", "--order", &order.to_string()]).await;
    let said = eventually("the order to be answered", STEP, async || match status(refused).await? {
        finished if finished.code == Some(3) => bail!("{}", finished.stderr),
        finished => Ok(finished),
    })
    .await?;
    ensure!(
        said.code == Some(1) && said.stderr.contains("rejected: the catalog declares no remedy `nope`"),
        "{said:?}"
    );
    let said = status(catalog).await?;
    ensure!(said.code == Some(0) && said.stdout.contains(&format!("order {catalog}: accepted")), "{said:?}");
    // Orders that only the stock client gives are asked about the same way.
    let client = ForeignClient::new(broker.url(), broker.seed(&format!("operator-{OPERATOR}")));
    let body = json!({"ban": 1_000, "remedy": "nope"}).to_string();
    let stored = client.publish(&format!("{}.{OPERATOR}", order::REMEDY), body.as_bytes()).await?;
    let Outcome::Stored { sequence, .. } = stored else { bail!("not stored: {stored:?}") };
    eventually("the remedy to be rejected", STEP, async || {
        let said = status(sequence).await?;
        ensure!(said.code == Some(1), "{said:?}");
        Ok(())
    })
    .await?;
    let said = status(sequence + 100).await?;
    ensure!(said.code == Some(3) && said.stderr.contains("not known"), "{said:?}");
    Ok(())
}
