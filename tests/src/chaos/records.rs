//! What the broker has stored, with the broker's own times: read once at the end, as the bootstrap step's identity.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use bus::{Feed, Heard, keyring::provision_identity};
use events::topology::StreamName;
use serde_json::Value;
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    Clock,
    history::{Order, Published},
    yard::Yard,
};

/// How long a stream may take to be read.
const READ: Duration = Duration::from_secs(60);

/// A stored message.
struct Stored {
    sequence: u64,
    at: Duration,
    kind: String,
    body: Value,
}

impl Stored {
    fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number, which proto3 JSON writes as text where it is long.
    fn number(&self, field: &str) -> u64 {
        let value = self.body.get(field);
        value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or_default()
    }
}

async fn stored(yard: &Yard, clock: Clock, stream: StreamName) -> Result<Vec<Stored>> {
    let identity = provision_identity(stream.spec().home);
    let config =
        bus::Config { url: yard.broker.clone(), seed_file: Some(yard.seed(&identity)), node: String::new() };
    let connection = bus::Connection::connect(&config, &identity, Duration::from_secs(10)).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut feed = Feed::open(&connection, &[(stream, 0)], &tasks, &stop);
    let mut found = Vec::new();
    let read = async {
        while let Some(Heard::Record(record)) = feed.next().await {
            let kind = record.subject.split_kind().map_or(record.subject.as_str(), |(kind, _)| kind);
            found.push(Stored {
                sequence: record.sequence,
                at: clock.at(record.at),
                kind: kind.to_owned(),
                body: serde_json::from_slice(&record.body).unwrap_or_default(),
            });
        }
    };
    let read = timeout(READ, read).await;
    stop.cancel();
    read.with_context(|| format!("reading {stream}"))?;
    Ok(found)
}

/// Completes orders by what became of them.
pub(super) async fn complete(yard: &Yard, clock: Clock, orders: &mut [Order]) -> Result<()> {
    let given = stored(yard, clock, StreamName::Orders).await?;
    let given: BTreeMap<u64, Duration> = given.into_iter().map(|order| (order.sequence, order.at)).collect();
    let answers = stored(yard, clock, StreamName::Resolutions).await?;
    let answer = |stored: Stored| {
        let rejected = stored.kind == "plimsoll.order.rejected";
        let answers = rejected || stored.kind == "plimsoll.order.accepted";
        answers.then(|| (stored.number("order"), (stored.at, rejected)))
    };
    let answers: BTreeMap<u64, (Duration, bool)> = answers.into_iter().filter_map(answer).collect();
    for order in orders {
        let Some((sequence, _)) = order.acknowledged else { continue };
        order.stored = given.get(&sequence).copied();
        if let Some((at, rejected)) = answers.get(&sequence) {
            order.answered = Some(*at);
            order.rejected = *rejected;
        }
    }
    Ok(())
}

/// Every publication.
pub(super) async fn published(yard: &Yard, clock: Clock) -> Result<Vec<Published>> {
    let ended = stored(yard, clock, StreamName::Builds).await?;
    let published = ended
        .into_iter()
        .filter(|fact| fact.kind == "plimsoll.build.finished" && fact.text("outcome") == "published");
    Ok(published
        .map(|fact| Published {
            project: fact.text("project").to_owned(),
            commit: fact.text("commit").to_owned(),
            ban: fact.number("ban"),
            digest: fact.text("digest").to_owned(),
        })
        .collect())
}
