//! Streams read from the beginning, several as one: what services fold their state from. Nothing is acknowledged.

use std::{collections::HashMap, time::Duration};

use async_nats::jetstream::{
    consumer::{DeliverPolicy, pull::OrderedConfig},
    stream::Info,
};
use events::{Subject, topology::StreamName};
use futures::StreamExt as _;
use time::OffsetDateTime;
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Span, error, info_span, warn};

use crate::{
    connection::{Connection, Error},
    headers,
};

/// How many records wait for a slow reader before the stream itself waits.
const BUFFER: usize = 256;

/// How often a quiet stream is asked whether that was all, until it was.
const LOOK: Duration = Duration::from_millis(100);

/// A stored message.
#[derive(Debug, Clone)]
pub struct Record {
    /// The stream it was read from.
    pub stream: StreamName,
    /// Its subject.
    pub subject: Subject,
    /// Its place in the stream; mirrors keep it.
    pub sequence: u64,
    /// When the broker stored it.
    pub at: OffsetDateTime,
    /// Its body.
    pub body: Vec<u8>,
    trace: HashMap<String, String>,
}

/// What a feed tells.
#[derive(Debug, Clone)]
pub enum Heard {
    /// The next message of one of the streams; each stream is in order, two streams are not.
    Record(Box<Record>),
    /// Everything that was stored when the feed was opened has been told; where a stream is a mirror, everything that its origin had
    /// stored. A mirror that has not heard from its origin since then is not caught up, however empty it is. Comes once.
    CaughtUp,
}

/// One or more streams, read as one.
#[derive(Debug)]
pub struct Feed {
    heard: mpsc::Receiver<Heard>,
}

impl Feed {
    /// Opens `streams`, each after the sequence given with it (0 for all). Lives until `stop`; outlives the broker's restarts.
    pub fn open(
        connection: &Connection,
        streams: &[(StreamName, u64)],
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let (tell, heard) = mpsc::channel(BUFFER);
        let (caught_up, mut all_caught_up) = mpsc::channel::<()>(1);
        for (stream, after) in streams.iter().copied() {
            let reader = Reader {
                connection: connection.clone(),
                stream,
                after,
                opened: Instant::now(),
                tell: tell.clone(),
                caught_up: Some(caught_up.clone()),
            };
            let stop = stop.clone();
            tasks.spawn(async move { stop.run_until_cancelled(reader.run()).await });
        }
        drop(caught_up);
        let stop = stop.clone();
        tasks.spawn(async move {
            // The channel carries nothing: it closes when the last reader has let go of its end.
            if stop.run_until_cancelled(all_caught_up.recv()).await.is_some() {
                tell.send(Heard::CaughtUp).await.ok();
            }
        });
        Self { heard }
    }

    /// The next thing heard; none once the feed was stopped. Cancel-safe.
    pub async fn next(&mut self) -> Option<Heard> {
        self.heard.recv().await
    }
}

struct Reader {
    connection: Connection,
    stream: StreamName,
    after: u64,
    opened: Instant,
    tell: mpsc::Sender<Heard>,
    /// Let go when everything has been told.
    caught_up: Option<mpsc::Sender<()>>,
}

impl Reader {
    async fn run(mut self) {
        loop {
            if let Err(error) = self.read().await {
                warn!(stream = %self.stream, error = %telemetry::Chain(&error), "A stream is read again from where it broke off.");
            }
            if self.tell.is_closed() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn read(&mut self) -> Result<(), Error> {
        let failed = |source: async_nats::Error| Error::broker(format!("read {}", self.stream), source);
        let mut connects = self.connection.connects.clone();
        connects.mark_unchanged();
        let stream = self
            .connection
            .jetstream
            .get_stream(self.stream.as_str())
            .await
            .map_err(|error| failed(error.into()))?;
        let info = stream.cached_info();
        let last = info.state.last_sequence;
        if self.after > last && info.mirror.is_none() {
            error!(stream = %self.stream, after = self.after, last, "A stream is shorter than what was read of it: restore the broker, or delete the projections.");
        }
        let config = OrderedConfig {
            name: Some(self.connection.unique_name()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.after + 1 },
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        let mut messages = consumer.messages().await.map_err(|error| failed(error.into()))?;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                biased;
                _ = connects.changed() => return Ok(()),
                message = messages.next() => message,
                // Reached when nothing is waiting to be read.
                _ = look.tick(), if self.caught_up.is_some() => {
                    let info = stream.get_info().await.map_err(|error| failed(error.into()))?;
                    if self.has_told(&info) {
                        self.caught_up = None;
                    }
                    continue;
                }
            };
            let Some(message) = message else { return Ok(()) };
            let message = message.map_err(|error| failed(error.into()))?;
            let info = message.info().map_err(failed)?;
            let (sequence, at) = (info.stream_sequence, info.published);
            if sequence <= self.after {
                continue;
            }
            let subject = match message.subject.as_str().parse() {
                Ok(subject) => subject,
                // Read again it would be no better, and what comes after it must be heard.
                Err(error) => {
                    error!(stream = %self.stream, sequence, %error, "A stored message stands on no subject of ours and is passed over.");
                    self.after = sequence;
                    continue;
                }
            };
            let record = Record {
                stream: self.stream,
                subject,
                sequence,
                at: OffsetDateTime::from_unix_timestamp_nanos(at.unix_timestamp_nanos())
                    .unwrap_or(OffsetDateTime::UNIX_EPOCH),
                body: message.payload.to_vec(),
                trace: headers::trace_of(message.headers.as_ref()),
            };
            if self.tell.send(Heard::Record(Box::new(record))).await.is_err() {
                return Ok(());
            }
            self.after = sequence;
        }
    }

    /// Whether everything that was stored when the feed was opened has been told.
    fn has_told(&self, info: &Info) -> bool {
        // What has expired is not told; an empty stream keeps the number of its last message.
        let told = info.state.messages == 0 || self.after >= info.state.last_sequence;
        told && info.mirror.as_ref().is_none_or(|origin| {
            // A mirror's lag is what it knew when it last heard from its origin, and nothing before the first time.
            origin.lag == 0 && origin.active.is_some_and(|ago| ago < self.opened.elapsed())
        })
    }
}

impl Record {
    /// A message as it was stored, without the trace that its sender was in.
    pub fn new(
        stream: StreamName,
        subject: Subject,
        sequence: u64,
        at: OffsetDateTime,
        body: Vec<u8>,
    ) -> Self {
        Self { stream, subject, sequence, at, body, trace: HashMap::new() }
    }

    /// The span in which this message is handled: part of the trace that the message carries, or that its order opens.
    pub fn span(&self) -> Span {
        let span = info_span!(
            "process",
            otel.name = format!("process {}", self.subject.split_kind().map_or(self.subject.as_str(), |(kind, _)| kind)),
            otel.kind = "consumer",
            messaging.system = "nats",
            messaging.destination.name = %self.subject,
            sequence = self.sequence,
        );
        match self.stream {
            StreamName::Orders => {
                telemetry::adopt_order(&span, self.sequence, self.at.unix_timestamp_nanos())
            }
            _ => telemetry::adopt(&span, &self.trace),
        }
        span
    }

    /// What tells facts caused by this message from equal ones with another cause.
    pub fn cause(&self) -> String {
        format!("{}/{}", self.stream, self.sequence)
    }
}
