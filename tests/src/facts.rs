//! What is said on the bus, as an operator hears it: every fact since the world began, as plain JSON.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::Value;
use testkit::wait::eventually;
use tokio::task::JoinSet;

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
                let kind = subject.split_kind().map_or(subject.as_str(), |(kind, _)| kind).to_owned();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                keep.lock().unwrap_or_else(PoisonError::into_inner).push(Fact {
                    kind,
                    body,
                    at: Instant::now(),
                });
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

    /// Waits for a fact that `find` makes something of.
    pub async fn wait<T>(&self, what: &str, find: impl Fn(&Fact) -> Option<T>) -> Result<T> {
        eventually(what, PATIENCE, async || self.all().iter().find_map(&find))
            .await
            .context("waiting for a fact")
    }
}
