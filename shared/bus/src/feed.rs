//! Streams read from the beginning, several as one: what services fold their state from. Nothing is acknowledged.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{DeliverPolicy, pull::OrderedConfig},
    stream::{Info, SourceInfo, Stream},
};
use events::{
    Subject,
    topology::{Keep, StreamName},
};
use futures::StreamExt as _;
use sha2::{Digest as _, Sha256};
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

/// The last message of a stream that somebody has read and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its place.
    pub sequence: u64,
    /// What it was ([`Record::fingerprint`]).
    pub fingerprint: [u8; 32],
}

/// One or more streams, read as one.
#[derive(Debug)]
pub struct Feed {
    heard: mpsc::Receiver<Heard>,
    diverged: Arc<OnceLock<StreamName>>,
}

impl Feed {
    /// Opens `streams`, each after the sequence given with it (0 for all). Lives until `stop`; outlives the broker's restarts.
    pub fn open(
        connection: &Connection,
        streams: &[(StreamName, u64)],
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let starts = streams.iter().map(|(stream, after)| (*stream, *after, Check::Nothing));
        Self::start(connection, starts, tasks, stop)
    }

    /// As [`Feed::open`], each stream after the message given with it (none for all), for readers who keep what they read. Each time a stream is opened, that
    /// message or the last one told is looked at again: where the stream no longer has it, as after a broker was restored from an older copy, the feed
    /// ends and [`Feed::diverged`] says so. For streams that keep everything.
    pub fn resume(
        connection: &Connection,
        streams: &[(StreamName, Option<Mark>)],
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let starts = streams.iter().map(|(stream, mark)| match (stream.spec().keep, mark) {
            (Keep::Everything, Some(mark)) => (*stream, mark.sequence, Check::Last(Some(mark.fingerprint))),
            (Keep::Everything, None) => (*stream, 0, Check::Last(None)),
            (_, mark) => (*stream, mark.map_or(0, |mark| mark.sequence), Check::Nothing),
        });
        Self::start(connection, starts, tasks, stop)
    }

    fn start(
        connection: &Connection,
        starts: impl Iterator<Item = (StreamName, u64, Check)>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Self {
        let stop = stop.child_token();
        let diverged = Arc::<OnceLock<StreamName>>::default();
        let (tell, heard) = mpsc::channel(BUFFER);
        let (caught_up, mut all_caught_up) = mpsc::channel::<()>(1);
        for (stream, after, check) in starts {
            let mut reader = Reader {
                connection: connection.clone(),
                stream,
                after,
                check,
                opened: Instant::now(),
                tell: tell.clone(),
                caught_up: Some(caught_up.clone()),
            };
            let (stop, diverged) = (stop.clone(), Arc::clone(&diverged));
            tasks.spawn(async move {
                if stop.run_until_cancelled(reader.run()).await == Some(Ended::Diverged) {
                    diverged.set(stream).ok();
                    stop.cancel();
                }
                // Not earlier: a reader that is gone counts as caught up.
                drop(reader);
            });
        }
        drop(caught_up);
        tasks.spawn(async move {
            // The channel carries nothing: it closes when the last reader has let go of its end.
            let has_closed = stop.run_until_cancelled(all_caught_up.recv()).await.is_some();
            // Where both are so, the waiting ends by its own end: a reader that has diverged must not count as caught up.
            if has_closed && !stop.is_cancelled() {
                tell.send(Heard::CaughtUp).await.ok();
            }
        });
        Self { heard, diverged }
    }

    /// The stream that is no longer what was read of it; known once [`Feed::next`] yields none.
    pub fn diverged(&self) -> Option<StreamName> {
        self.diverged.get().copied()
    }

    /// Whether nothing is waiting to be heard at this moment.
    pub fn is_idle(&self) -> bool {
        self.heard.is_empty()
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
    check: Check,
    opened: Instant,
    tell: mpsc::Sender<Heard>,
    /// Let go when everything has been told.
    caught_up: Option<mpsc::Sender<()>>,
}

/// Whether the message at [`Reader::after`] is looked at again when the stream is opened.
enum Check {
    Nothing,
    /// By its fingerprint; none before the first message.
    Last(Option<[u8; 32]>),
}

#[derive(Debug, PartialEq, Eq)]
enum Ended {
    NobodyReads,
    Diverged,
}

/// What one opening of a stream came to.
enum Read {
    BrokeOff,
    Diverged,
}

impl Reader {
    async fn run(&mut self) -> Ended {
        loop {
            match self.read().await {
                Ok(Read::BrokeOff) => {}
                Ok(Read::Diverged) => {
                    error!(stream = %self.stream, sequence = self.after, "A stream is not the one that was read before: the broker was restored or replaced. It is read anew.");
                    return Ended::Diverged;
                }
                Err(error) => {
                    warn!(stream = %self.stream, error = %telemetry::Chain(&error), "A stream is read again from where it broke off.");
                }
            }
            if self.tell.is_closed() {
                return Ended::NobodyReads;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn read(&mut self) -> Result<Read, Error> {
        let failed = |source: async_nats::Error| Error::broker(format!("read {}", self.stream), source);
        let mut connects = self.connection.connects.clone();
        connects.mark_unchanged();
        let mut stream = self
            .connection
            .jetstream
            .get_stream(self.stream.as_str())
            .await
            .map_err(|error| failed(error.into()))?;
        let info = stream.cached_info();
        let last = info.state.last_sequence;
        let mut expected = match self.check {
            Check::Last(Some(fingerprint)) => Some(fingerprint),
            Check::Last(None) | Check::Nothing => None,
        };
        if self.after > last && expected.is_some() {
            return self.await_length(&mut stream).await;
        }
        if self.after > last && info.mirror.is_none() {
            error!(stream = %self.stream, after = self.after, last, "A stream is shorter than what was read of it: restore the broker, or delete the projections.");
        }
        let config = OrderedConfig {
            name: Some(self.connection.unique_name()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: if expected.is_some() { self.after } else { self.after + 1 },
            },
            ..OrderedConfig::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| failed(error.into()))?;
        let mut messages = consumer.messages().await.map_err(|error| failed(error.into()))?;
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let message = tokio::select! {
                biased;
                _ = connects.changed() => return Ok(Read::BrokeOff),
                message = messages.next() => message,
                // Reached when nothing is waiting to be read.
                _ = look.tick(), if self.caught_up.is_some() && expected.is_none() => {
                    let info = stream.get_info().await.map_err(|error| failed(error.into()))?;
                    if self.has_told(&info) {
                        self.caught_up = None;
                    }
                    continue;
                }
            };
            let Some(message) = message else { return Ok(Read::BrokeOff) };
            let message = message.map_err(|error| failed(error.into()))?;
            let info = message.info().map_err(failed)?;
            let (sequence, at) = (info.stream_sequence, info.published);
            let at = OffsetDateTime::from_unix_timestamp_nanos(at.unix_timestamp_nanos())
                .unwrap_or(OffsetDateTime::UNIX_EPOCH);
            let found = || fingerprint(at, message.subject.as_str(), &message.payload);
            if let Some(expected) = expected.take()
                && (sequence, found()) != (self.after, expected)
            {
                return Ok(Read::Diverged);
            }
            if sequence <= self.after {
                continue;
            }
            if let Check::Last(last) = &mut self.check {
                *last = Some(found());
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
                at,
                body: message.payload.to_vec(),
                trace: headers::trace_of(message.headers.as_ref()),
            };
            if self.tell.send(Heard::Record(Box::new(record))).await.is_err() {
                return Ok(Read::BrokeOff);
            }
            self.after = sequence;
        }
    }

    /// The stream is shorter than what was read of it. A mirror that was made anew grows; anything else stays so.
    async fn await_length<T>(&self, stream: &mut Stream<T>) -> Result<Read, Error> {
        let opened = Instant::now();
        loop {
            let asked = stream.get_info().await;
            let info = asked.map_err(|error| Error::broker(format!("read {}", self.stream), error))?;
            if info.state.last_sequence >= self.after {
                return Ok(Read::BrokeOff);
            }
            let settled = info.mirror.as_ref().is_none_or(|origin| is_level(origin, opened));
            if settled {
                return Ok(Read::Diverged);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether everything that was stored when the feed was opened has been told.
    fn has_told(&self, info: &Info) -> bool {
        // What has expired is not told; an empty stream keeps the number of its last message.
        let told = info.state.messages == 0 || self.after >= info.state.last_sequence;
        told && info.mirror.as_ref().is_none_or(|origin| is_level(origin, self.opened))
    }
}

/// Whether a mirror has all that its origin had at `since`.
fn is_level(origin: &SourceInfo, since: Instant) -> bool {
    // A mirror's lag is what it knew when it last heard from its origin, and nothing before the first time.
    origin.lag == 0 && origin.active.is_some_and(|ago| ago < since.elapsed())
}

fn fingerprint(at: OffsetDateTime, subject: &str, body: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(at.unix_timestamp_nanos().to_be_bytes());
    for part in [subject.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
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

    /// What tells this message from any other that could stand in its place.
    pub fn fingerprint(&self) -> [u8; 32] {
        fingerprint(self.at, self.subject.as_str(), &self.body)
    }

    /// What tells facts caused by this message from equal ones with another cause.
    pub fn cause(&self) -> String {
        format!("{}/{}", self.stream, self.sequence)
    }
}
