//! What is said on the bus, as an operator hears it: every fact since the world began, as plain JSON.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use bus::{Feed, Heard, keyring::provision_identity};
use events::topology::StreamName;
use serde_json::Value;
use testkit::wait::eventually;
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long a fact may take: a build of a debug worker on a busy machine included.
const PATIENCE: Duration = Duration::from_secs(120);

/// One fact.
#[derive(Debug, Clone)]
pub struct Fact {
    /// The subject up to its key.
    pub kind: String,
    /// The body.
    pub body: Value,
    /// When it was heard.
    pub at: Instant,
}

/// Every fact so far; cheap to clone.
#[derive(Debug, Clone)]
pub struct Facts {
    heard: Arc<Mutex<Vec<Fact>>>,
    /// Ends the listening with the last clone.
    _listening: Arc<JoinSet<()>>,
}

impl Fact {
    fn read(subject: &str, kind: Option<&str>, body: &[u8]) -> Self {
        let body = serde_json::from_slice(body).unwrap_or(Value::Null);
        Self { kind: kind.unwrap_or(subject).to_owned(), body, at: Instant::now() }
    }

    /// A text field.
    pub fn text(&self, field: &str) -> &str {
        self.body.get(field).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number, which proto3 JSON writes as text where it is long.
    pub fn number(&self, field: &str) -> u64 {
        let value = self.body.get(field);
        value.and_then(|value| value.as_u64().or_else(|| value.as_str()?.parse().ok())).unwrap_or_default()
    }

    /// A list of texts.
    pub fn texts(&self, field: &str) -> Vec<String> {
        let items = self.body.get(field).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }
}

/// Everything that a stream holds at this moment, oldest first; read where it is written, as the bootstrap step's identity.
pub async fn stored(url: &str, keys: &Path, stream: StreamName) -> Result<Vec<Fact>> {
    let identity = provision_identity(stream.spec().home);
    let config = bus::Config {
        url: url.to_owned(),
        seed_file: Some(keys.join(format!("{identity}.nk"))),
        node: String::new(),
    };
    let connection = bus::Connection::connect(&config, &identity, Duration::from_secs(10)).await?;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut feed = Feed::open(&connection, &[(stream, 0)], &tasks, &stop);
    let mut facts = Vec::new();
    while let Some(Heard::Record(record)) = feed.next().await {
        facts.push(Fact::read(
            record.subject.as_str(),
            record.subject.split_kind().map(|(kind, _)| kind),
            &record.body,
        ));
    }
    stop.cancel();
    Ok(facts)
}

impl Facts {
    /// Listens on everything that an operator may hear.
    pub async fn listen(url: &str, seed: &Path, operator: &str) -> Result<Self> {
        let config =
            bus::Config { url: url.to_owned(), seed_file: Some(seed.to_owned()), node: String::new() };
        let connection = bus::Connection::connect(&config, operator, Duration::from_secs(10)).await?;
        let mut ear = connection.listen("plimsoll.>").await?;
        let heard: Arc<Mutex<Vec<Fact>>> = Arc::default();
        let keep = Arc::clone(&heard);
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            // Held so that the connection lives as long as somebody listens.
            let _connection = connection;
            while let Some((subject, body)) = ear.next().await {
                let fact = Fact::read(subject.as_str(), subject.split_kind().map(|(kind, _)| kind), &body);
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(fact);
            }
        });
        Ok(Self { heard, _listening: Arc::new(listening) })
    }

    /// Every fact so far.
    pub fn all(&self) -> Vec<Fact> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every fact of one kind so far.
    pub fn of(&self, kind: &str) -> Vec<Fact> {
        self.all().into_iter().filter(|fact| fact.kind == kind).collect()
    }

    /// Waits until an order is accepted; one that is rejected fails at once, with its reason.
    pub async fn accepted(&self, order: u64) -> Result<()> {
        let outcome = |fact: &Fact| match fact.kind.as_str() {
            "plimsoll.order.accepted" if fact.number("order") == order => Some(Ok(())),
            "plimsoll.order.rejected" if fact.number("order") == order => {
                Some(Err(fact.text("reason").to_owned()))
            }
            _ => None,
        };
        let outcome = self.wait(&format!("order {order} to be accepted"), outcome).await?;
        outcome.map_err(|reason| anyhow!("order {order} was rejected: {reason}"))
    }

    /// Waits for a fact that `find` makes something of.
    pub async fn wait<T>(&self, what: &str, find: impl Fn(&Fact) -> Option<T>) -> Result<T> {
        eventually(what, PATIENCE, async || self.all().iter().find_map(&find))
            .await
            .context("waiting for a fact")
    }
}
