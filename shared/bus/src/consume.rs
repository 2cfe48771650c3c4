//! The one run loop: take a message, handle it, publish what came of it, and only then acknowledge.

use std::{error::Error as StdError, future::Future, sync::Arc, time::Duration};

use async_nats::jetstream::{AckKind, consumer::PullConsumer};
use events::{Event, Malformed, Subject, fact::DeadLetter, topology::Durable};
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, Span, debug, error, info_span, warn};

use crate::{
    connection::{Connection, Error},
    headers,
};

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
    /// Messages handled at the same time.
    pub concurrency: usize,
    /// How long handlers may finish after a stop before their messages are left to another.
    pub grace: Duration,
}

impl Outbox {
    /// Adds a fact.
    pub fn push<E: Event>(&mut self, event: E) {
        let subject = event.subject();
        self.0.push((E::KIND, subject, event.encode()));
    }

    /// Adds all facts of another, after one's own.
    pub fn append(&mut self, other: Self) {
        self.0.extend(other.0);
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
    let slots = Arc::new(Semaphore::new(limits.concurrency.max(1)));
    let run = Arc::new(Run { connection, durable, handler });
    while !stop.is_cancelled() {
        if let Some(Err(error)) = stop.run_until_cancelled(run.pull(&slots, &tasks)).await {
            warn!(consumer = durable.name, error = %telemetry::Chain(&error), "The consumer is bound again.");
            stop.run_until_cancelled(tokio::time::sleep(Duration::from_millis(250))).await;
        }
    }
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
    async fn pull(self: &Arc<Self>, slots: &Arc<Semaphore>, tasks: &TaskTracker) -> Result<(), Error> {
        let failed = |source: async_nats::Error| {
            Error::broker(format!("deliver from {}", self.durable.stream), source)
        };
        let mut connects = self.connection.connects.clone();
        connects.mark_unchanged();
        let consumer: PullConsumer = self
            .connection
            .jetstream
            .get_consumer_from_stream(self.durable.name, self.durable.stream.as_str())
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
                run.settle(message).await;
                drop(slot);
            });
        }
    }

    async fn settle(&self, message: async_nats::jetstream::Message) {
        let Ok(info) = message.info() else { return };
        let (sequence, delivered) = (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1));
        let Ok(subject) = message.subject.as_str().parse::<Subject>() else { return };
        let span = self.span(&subject, sequence, delivered);
        telemetry::adopt(&span, &headers::trace_of(message.headers.as_ref()));
        let delivery = Delivery { subject, sequence, attempt: delivered, body: message.payload.to_vec() };
        self.settle_delivery(&message, delivery).instrument(span).await;
    }

    async fn settle_delivery(&self, message: &async_nats::jetstream::Message, delivery: Delivery) {
        let cause = format!("{}/{}", self.durable.stream, delivery.sequence);
        let work = async {
            let outbox = self.handler.handle(delivery.clone()).await?;
            Ok(self.connection.publish_all(outbox, &cause).await)
        };
        let ack = match self.with_progress(message, work).await {
            Ok(Ok(())) => AckKind::Ack,
            // Left unacknowledged, the message comes again and its facts with the same ids.
            Ok(Err(error)) => {
                warn!(error = %telemetry::Chain(&error), "The facts of a message could not be stored.");
                return;
            }
            Err(failure) => match H::Error::disposition(&failure) {
                Disposition::Retry(delay) if !self.exhausted(delivery.attempt) => {
                    debug!(error = %telemetry::Chain(&failure), "A message is tried again.");
                    AckKind::Nak(Some(delay))
                }
                Disposition::Retry(_) | Disposition::Reject => {
                    error!(subject = %delivery.subject, error = %telemetry::Chain(&failure), "A message cannot be handled and is laid aside in DEAD.");
                    let letter = self.dead_letter(&delivery, &failure);
                    if let Err(error) = self.connection.publish(letter, &cause).await {
                        warn!(error = %telemetry::Chain(&error), "DEAD could not be reached.");
                        return;
                    }
                    AckKind::Term
                }
            },
        };
        if let Err(error) = message.double_ack_with(ack).await {
            debug!(%error, "An acknowledgement was lost; the message comes again.");
        }
    }

    /// Handles while telling the broker, three times an ack wait, that somebody still does.
    async fn with_progress<T>(
        &self,
        message: &async_nats::jetstream::Message,
        handling: impl Future<Output = T>,
    ) -> T {
        let mut handling = std::pin::pin!(handling);
        loop {
            match tokio::time::timeout(self.durable.ack_wait / 3, &mut handling).await {
                Ok(handled) => return handled,
                Err(_) => {
                    if let Err(error) = message.ack_with(AckKind::Progress).await {
                        debug!(%error, "A sign of life was lost.");
                    }
                }
            }
        }
    }

    fn exhausted(&self, attempt: u64) -> bool {
        attempt >= u64::try_from(self.durable.max_deliver).unwrap_or(u64::MAX)
    }

    fn dead_letter(&self, delivery: &Delivery, failure: &H::Error) -> DeadLetter {
        DeadLetter {
            stream: self.durable.stream.to_string(),
            consumer: self.durable.name.to_owned(),
            subject: delivery.subject.to_string(),
            sequence: delivery.sequence,
            deliveries: delivery.attempt,
            reason: telemetry::Chain(failure).to_string(),
        }
    }

    fn span(&self, subject: &Subject, sequence: u64, attempt: u64) -> Span {
        info_span!(
            "process",
            otel.name = format!("process {}", subject.split_kind().map_or(subject.as_str(), |(kind, _)| kind)),
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.destination.name = %subject,
            sequence,
            attempt,
        )
    }
}
