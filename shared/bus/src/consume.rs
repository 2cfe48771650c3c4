//! The one run loop: take a message, handle it, publish what came of it, and only then acknowledge.

mod settle;

use std::{error::Error as StdError, future::Future, sync::Arc, time::Duration};

use async_nats::jetstream::consumer::PullConsumer;
use events::{
    Event, Malformed, Subject,
    topology::{Durable, StreamName},
};
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::warn;

use crate::connection::{Connection, Error};

/// How long one pull waits at the broker for a message.
const PULL: Duration = Duration::from_secs(20);

/// What is to become of a message whose handler failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again after this long, until the consumer's patience ends.
    Retry(Duration),
    /// It can never be handled: to DEAD, with the reason.
    Reject,
}

/// An error that says what is to become of the message.
pub trait Classify: StdError + Send + Sync + 'static {
    /// Decided by an exhaustive match over the error's variants.
    fn disposition(&self) -> Disposition;
}

/// What a service does with a message. Idempotent: a message may come twice.
pub trait Handler: Send + Sync + 'static {
    /// Why it could not.
    type Error: Classify;

    /// Handles one message and returns the facts to publish.
    fn handle(&self, delivery: Delivery) -> impl Future<Output = Result<Outbox, Self::Error>> + Send;
}

/// A message to handle.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its subject.
    pub subject: Subject,
    /// Its place in the stream.
    pub sequence: u64,
    /// How often it has been delivered, from 1.
    pub attempt: u64,
    /// Its body.
    pub body: Vec<u8>,
}

/// Facts to publish before a message is acknowledged, in this order.
#[derive(Debug, Default)]
pub struct Outbox(Vec<(&'static str, Subject, Vec<u8>)>);

/// How much is done at once, and how long a stop may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Messages handled at the same time; one dead letter that is redriven comes on top.
    pub concurrency: usize,
    /// How long handlers may finish after a stop before their messages are left to another.
    pub grace: Duration,
}

impl Outbox {
    /// What is in it, in order: kind, subject and body of each fact.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &Subject, &[u8])> {
        self.0.iter().map(|(kind, subject, body)| (*kind, subject, body.as_slice()))
    }

    /// Adds a fact.
    pub fn push<E: Event>(&mut self, event: E) {
        let subject = event.subject();
        self.0.push((E::KIND, subject, event.encode()));
    }

    /// Adds all facts of another, after one's own.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Takes out the facts whose kind `is_meant`, and leaves the others; both keep their order.
    pub fn extract(&mut self, is_meant: impl Fn(&str) -> bool) -> Self {
        Self(self.0.extract_if(.., |(kind, ..)| is_meant(kind)).collect())
    }

    /// Takes out the first `count` facts, or all where there are fewer.
    pub fn take(&mut self, count: usize) -> Self {
        Self(self.0.drain(..count.min(self.0.len())).collect())
    }

    /// How many facts it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Connection {
    /// Publishes facts one after the other, each as [`Connection::publish`] does. Idempotent for one cause.
    pub async fn publish_all(&self, facts: Outbox, cause: &str) -> Result<(), Error> {
        for (kind, subject, body) in facts.0 {
            self.publish_bytes(kind, &subject, body, cause).await?;
        }
        Ok(())
    }

    /// As [`Connection::publish_all`], and does not give up while another try may succeed: a stream that is full has room again some day. For a publisher
    /// that can do nothing without it, and does other things meanwhile.
    ///
    /// # Errors
    /// Those that are not retryable.
    pub async fn publish_all_until_stored(&self, facts: Outbox, cause: &str) -> Result<(), Error> {
        for (kind, subject, body) in facts.0 {
            self.publish_until_stored(kind, &subject, &body, cause).await?;
        }
        Ok(())
    }

    /// As [`Connection::publish_together`], and does not give up while another try may succeed.
    ///
    /// # Errors
    /// Those that are not retryable.
    pub async fn publish_together_until_stored(&self, facts: Outbox, cause: &str) -> Result<(), Error> {
        let stored = facts
            .0
            .into_iter()
            .map(async |(kind, subject, body)| self.publish_until_stored(kind, &subject, &body, cause).await);
        futures::future::try_join_all(stored).await.map(drop)
    }

    async fn publish_until_stored(
        &self,
        kind: &str,
        subject: &Subject,
        body: &[u8],
        cause: &str,
    ) -> Result<(), Error> {
        loop {
            match self.publish_bytes(kind, subject, body.to_vec(), cause).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_retryable() => {
                    warn!(%subject, error = %telemetry::Chain(&error), "A message is not stored yet; tried on.");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Publishes facts all at once, each as [`Connection::publish`] does: they are stored in this order unless one has to be tried again.
    /// As many are in memory twice, so the caller sees to it that they are few. Idempotent for one cause.
    pub async fn publish_together(&self, facts: Outbox, cause: &str) -> Result<(), Error> {
        let stored = facts.0.into_iter().map(async |(kind, subject, body)| {
            self.publish_bytes(kind, &subject, body, cause).await.map(drop)
        });
        futures::future::try_join_all(stored).await.map(drop)
    }
}

impl Delivery {
    /// Reads the body as the event that this consumer is about.
    pub fn decode<E: Event>(&self) -> Result<E, Malformed> {
        E::decode(&self.body)
    }
}

/// Consumes until `stop`, then waits for what is being handled. Survives the broker's restarts; returns when the grace is over.
pub async fn consume<H: Handler>(
    connection: Connection,
    durable: Durable,
    handler: Arc<H>,
    limits: Limits,
    stop: CancellationToken,
) {
    let tasks = TaskTracker::new();
    let run = Arc::new(Run { connection, durable, handler });
    tokio::join!(
        run.take(durable.stream, limits.concurrency.max(1), &tasks, &stop),
        // What people want tried again has a place of its own, so that neither waits for the other.
        run.take(StreamName::Redrive, 1, &tasks, &stop),
    );
    tasks.close();
    if tokio::time::timeout(limits.grace, tasks.wait()).await.is_err() {
        warn!(
            consumer = durable.name,
            left = tasks.len(),
            "Handlers were still busy at the end of the grace; their messages go to others."
        );
    }
}

struct Run<H> {
    connection: Connection,
    durable: Durable,
    handler: Arc<H>,
}

impl<H: Handler> Run<H> {
    /// Takes messages of `from` until `stop`.
    async fn take(
        self: &Arc<Self>,
        from: StreamName,
        concurrency: usize,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        let slots = Arc::new(Semaphore::new(concurrency));
        while !stop.is_cancelled() {
            if let Some(Err(error)) = stop.run_until_cancelled(self.pull(from, &slots, tasks)).await {
                warn!(consumer = self.durable.name, stream = %from, error = %telemetry::Chain(&error), "The consumer is bound again.");
                stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(250))).await;
            }
        }
    }

    async fn pull(
        self: &Arc<Self>,
        from: StreamName,
        slots: &Arc<Semaphore>,
        tasks: &TaskTracker,
    ) -> Result<(), Error> {
        let failed = |source: async_nats::Error| Error::broker(format!("deliver from {from}"), source);
        let mut connects = self.connection.connects.clone();
        connects.mark_unchanged();
        let consumer: PullConsumer = self
            .connection
            .jetstream
            .get_consumer_from_stream(self.durable.name, from.as_str())
            .await
            .map_err(|error| failed(error.into()))?;
        loop {
            // The slot comes first: a message that waits here would wait in vain while another replica is idle.
            let Ok(slot) = Arc::clone(slots).acquire_owned().await else { return Ok(()) };
            // One pull a message: a stream of pulls with batches of one asks for the next only when the last has expired (seen: 30 s).
            let mut pulled = consumer
                .batch()
                .max_messages(1)
                .expires(PULL)
                .messages()
                .await
                .map_err(|error| failed(error.into()))?;
            let message = tokio::select! {
                biased;
                // The pull died with the connection; the consumer itself is durable.
                _ = connects.changed() => return Ok(()),
                message = pulled.next() => message,
            };
            let Some(message) = message else { continue };
            let message = message.map_err(failed)?;
            let run = Arc::clone(self);
            tasks.spawn(async move {
                run.settle(from, message).await;
                drop(slot);
            });
        }
    }
}
