//! One identity's way to the broker: connect, and publish until it is stored.

use std::{
    fmt,
    future::Future,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use async_nats::{
    Client, ConnectOptions,
    jetstream::{self, context::PublishErrorKind},
};
use events::{Event, InvalidSubject, Malformed, Subject, topology::Account};
use tokio::sync::watch;
use tracing::{debug, warn};

use crate::{bucket::Placed, conditions::Conditions, config::Config, headers};

/// How long a request to the broker may take before it is tried again.
const REQUEST: Duration = Duration::from_secs(5);

/// How long anything that is asked of the broker may take, the client's own queue included.
const BOUND: Duration = Duration::from_secs(10);

/// Between two pings of a quiet broker. The client gives up a connection when three have no answer, so a link that carries nothing is noticed
/// within 20 s: well before what was read over it is stale.
const PING: Duration = Duration::from_secs(5);

/// How long a publication is retried with the same id: longer than a broker's restart, shorter than its duplicate window.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection, cheap to clone. It reconnects by itself for ever.
#[derive(Debug, Clone)]
pub struct Connection {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    identity: String,
    node: String,
    /// How often a connection was made: who reads through a consumer that died with the old one begins anew.
    pub(crate) connects: watch::Receiver<u64>,
    conditions: Conditions,
}

/// What can go wrong between us and the broker.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The seed file cannot be read.
    #[error("the nkey seed {path} cannot be read; `plimsoll up` writes one for each role")]
    Seed {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no way to the broker.
    #[error("no connection to NATS at {url}; check [nats] url, and that the identity is known there")]
    Connect {
        /// Where it was tried.
        url: String,
        /// Why.
        #[source]
        source: async_nats::ConnectError,
    },
    /// The broker did not do what it was asked. Retryable.
    #[error("the broker did not {action}")]
    Broker {
        /// What it was asked.
        action: String,
        /// Why it did not.
        #[source]
        source: async_nats::Error,
    },
    /// The other side answered with an error. Not retryable.
    #[error("{subject} answers: {message}")]
    Answer {
        /// Who was asked.
        subject: String,
        /// What the other side says.
        message: String,
    },
    /// The other side is there, and had no answer in time. Retryable.
    #[error("{subject} has no answer: {message}")]
    Unanswered {
        /// Who was asked.
        subject: String,
        /// What the other side says.
        message: String,
    },
    /// The broker took too long. Retryable.
    #[error("the broker did not {action} within {} s", within.as_secs())]
    Late {
        /// What it was asked.
        action: String,
        /// How long we waited.
        within: Duration,
    },
    /// It is larger than the broker takes. Not retryable: the same bytes are too many again.
    #[error("{what} has {size_bytes} bytes, and the broker takes {limit_bytes} in one message")]
    Large {
        /// What was to be sent.
        what: String,
        /// How large it is.
        size_bytes: usize,
        /// What the broker takes, headers and all.
        limit_bytes: usize,
    },
    /// The other side answered something that is no answer. Not retryable.
    #[error("{subject} answered something that is no answer")]
    Unreadable {
        /// Who was asked.
        subject: String,
        /// What is wrong with it.
        #[source]
        source: Malformed,
    },
    /// A stream was made when it lived in another account. Not retryable.
    #[error(
        "the stream {stream} in {account} is from an older version, when its home was another account; stop every role, remove it there \
         (`nats stream rm {stream}` with the seed provision-{}), and run this again: what it held is said anew from the orders",
        account.as_str().to_ascii_lowercase()
    )]
    Elsewhere {
        /// The stream.
        stream: String,
        /// The account in which it was found.
        account: Account,
    },
    /// A stored message stands on a subject that none of ours can be.
    #[error("a stored message has a subject that is none")]
    Subject(#[from] InvalidSubject),
}

impl Error {
    pub(crate) fn broker(action: impl Into<String>, source: impl Into<async_nats::Error>) -> Self {
        Self::Broker { action: action.into(), source: source.into() }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Broker { .. } | Self::Unanswered { .. } | Self::Late { .. } => true,
            Self::Seed { .. }
            | Self::Elsewhere { .. }
            | Self::Answer { .. }
            | Self::Large { .. }
            | Self::Unreadable { .. }
            | Self::Subject(_) => false,
        }
    }
}

/// Waits for the broker, and not for ever: while it is away the client's own queue may be full.
pub(crate) async fn bounded<T, E: Into<async_nats::Error>>(
    action: impl Into<String>,
    waiting: impl Future<Output = Result<T, E>>,
) -> Result<T, Error> {
    match tokio::time::timeout(BOUND, waiting).await {
        Ok(done) => done.map_err(|error| Error::broker(action, error)),
        Err(_) => Err(Error::Late { action: action.into(), within: BOUND }),
    }
}

impl Connection {
    /// Connects as `identity`, which names the process and its inbox. Tries for `patience`, so that a broker may start beside us.
    pub async fn connect(config: &Config, identity: &str, patience: Duration) -> Result<Self, Error> {
        let (options, connects) = options(config, identity)?;
        let deadline = tokio::time::Instant::now() + patience;
        let client = loop {
            match options.clone().connect(config.url.as_str()).await {
                Ok(client) => break client,
                Err(source) if tokio::time::Instant::now() >= deadline => {
                    return Err(Error::Connect { url: redacted(&config.url), source });
                }
                Err(error) => debug!(%error, "The broker is not there yet."),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        Ok(Self::new(client, config, identity, connects))
    }

    /// As [`Connection::connect`], and returns at once: the connection is made in the background, for as long as it takes. What is asked of the
    /// broker before that fails as if it had gone away.
    ///
    /// # Errors
    /// `Seed`; `Connect` for an address that cannot be one.
    pub async fn open(config: &Config, identity: &str) -> Result<Self, Error> {
        let (options, connects) = options(config, identity)?;
        let opened = options.retry_on_initial_connect().connect(config.url.as_str()).await;
        let client = opened.map_err(|source| Error::Connect { url: redacted(&config.url), source })?;
        Ok(Self::new(client, config, identity, connects))
    }

    fn new(client: Client, config: &Config, identity: &str, connects: watch::Receiver<u64>) -> Self {
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(REQUEST);
        Self {
            client,
            jetstream,
            identity: identity.to_owned(),
            node: config.node.clone(),
            connects,
            conditions: Conditions::default(),
        }
    }

    /// What is wrong with this process: it is shown wherever the process is listed.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// The name of the node that this process speaks of; empty but for gates and agents.
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Publishes a fact and waits until it is stored; tries again with the same id while the broker is away, for 90 s.
    ///
    /// `cause` tells two equal facts apart that became true at two times: the message, webhook or poll that made us say it.
    /// Idempotent for one cause. Errors are retryable.
    pub async fn publish<E: Event>(&self, event: E, cause: &str) -> Result<u64, Error> {
        let subject = event.subject();
        let body = event.encode();
        self.publish_bytes(E::KIND, &subject, body, cause).await
    }

    pub(crate) async fn publish_bytes(
        &self,
        kind: &str,
        subject: &Subject,
        body: Vec<u8>,
        cause: &str,
    ) -> Result<u64, Error> {
        let id = headers::message_id(subject.as_str(), cause, &body);
        self.fits(format_args!("the message on {subject}"), body.len())?;
        let body = bytes::Bytes::from(body);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let headers = headers::event(kind, &self.identity, &id);
            let stored = async {
                self.jetstream.publish_with_headers(subject.to_string(), headers, body.clone()).await?.await
            };
            match bounded(format!("store a message on {subject}"), stored).await {
                Ok(ack) => return Ok(ack.sequence),
                Err(error) if tokio::time::Instant::now() >= deadline => return Err(error),
                Err(error) => debug!(%error, %subject, "A publication is tried again."),
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Publishes a fact if `after` is the place of the last one on its subject (0 for none), and waits until it is stored. Of all callers that knew the
    /// same last fact one succeeds, whatever they say and whenever they say it. Retryable.
    pub async fn publish_behind<E: Event>(&self, event: E, cause: &str, after: u64) -> Result<Placed, Error> {
        let subject = event.subject();
        let id = headers::message_id(subject.as_str(), cause, &after.to_be_bytes());
        let mut headers = headers::event(E::KIND, &self.identity, &id);
        headers.insert("Nats-Expected-Last-Subject-Sequence", after.to_string().as_str());
        let body = bytes::Bytes::from(event.encode());
        self.fits(format_args!("the message on {subject}"), body.len())?;
        let stored = async {
            let sent = self.jetstream.publish_with_headers(subject.to_string(), headers, body).await;
            let acknowledged = match sent {
                Ok(sent) => sent.await,
                Err(error) => Err(error),
            };
            match acknowledged {
                Ok(ack) => Ok(Placed::Stored(ack.sequence)),
                Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(Placed::Overtaken),
                Err(error) => Err(error),
            }
        };
        bounded(format!("store a message on {subject}"), stored).await
    }

    /// Whether the broker takes `what` with so many bytes. Asked before it is sent: the client's own answer is one error among others, and would be
    /// taken for a broker that is away.
    pub(crate) fn fits(&self, what: impl fmt::Display, size_bytes: usize) -> Result<(), Error> {
        let limit_bytes = self.client.max_payload();
        if size_bytes.saturating_add(headers::LARGEST_BYTES) <= limit_bytes {
            return Ok(());
        }
        Err(Error::Large { what: what.to_string(), size_bytes, limit_bytes })
    }

    /// A name that nobody else has, and that says whose it is.
    pub fn unique_name(&self) -> String {
        let inbox = self.client.new_inbox();
        format!("{}-{}", self.identity, inbox.rsplit('.').next().unwrap_or_default())
    }

    /// Whether the broker can be spoken to at this moment.
    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == async_nats::connection::State::Connected
    }

    /// Sends what is buffered, then closes.
    pub async fn drain(&self) {
        // No connection is left to take what is buffered.
        if !self.is_connected() {
            return;
        }
        if let Err(error) = bounded("close the connection", self.client.drain()).await {
            debug!(error = %telemetry::Chain(&error), "The connection was closed already.");
        }
    }
}

/// How every connection is made, and how often it was.
fn options(config: &Config, identity: &str) -> Result<(ConnectOptions, watch::Receiver<u64>), Error> {
    let mut options = ConnectOptions::new();
    if let Some(path) = &config.seed_file {
        let seed = std::fs::read_to_string(path)
            .map_err(|source| Error::Seed { path: path.display().to_string(), source })?;
        options = ConnectOptions::with_nkey(seed.trim().to_owned());
    }
    let (connected, connects) = watch::channel(0);
    let away = AtomicBool::new(false);
    let options = options
        .name(identity)
        .custom_inbox_prefix(format!("_INBOX_{identity}"))
        .connection_timeout(REQUEST)
        .request_timeout(Some(REQUEST))
        .ping_interval(PING)
        // Half a second at most between two tries: a broker's restart must not cost a gate more than that.
        .reconnect_delay_callback(|attempts| Duration::from_millis((50 * attempts as u64).min(500)))
        .event_callback(move |event| {
            match event {
                async_nats::Event::Connected => {
                    away.store(false, Ordering::Relaxed);
                    connected.send_modify(|connects| *connects += 1);
                }
                async_nats::Event::Draining => debug!(%event, "The broker connection changed."),
                // One for each try, twice a second for as long as the broker is away: the first says it.
                async_nats::Event::ClientError(_) if away.swap(true, Ordering::Relaxed) => {
                    debug!(%event, "The broker connection changed.");
                }
                // A refused subject arrives here and nowhere else.
                event => warn!(%event, "The broker connection changed."),
            }
            std::future::ready(())
        });
    Ok((options, connects))
}

/// An address without the user and password that it may carry.
fn redacted(url: &str) -> String {
    url.split(',')
        .map(|url| match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            (None, Some((_, host))) => host.to_owned(),
            _ => url.to_owned(),
        })
        .collect::<Vec<_>>()
        .join(",")
}
