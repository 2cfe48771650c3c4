//! The event catalogue: every fact and order there is, its subject, its stream, and its JSON. The system in one crate.
//!
//! # Layout
//! [`subject`] names on the bus · [`mod@order`] what operators say · [`resolution`] what it means · [`mod@fold`] both into a snapshot · [`fact`] what happened ·
//! [`heartbeat`] how far the streams reach · [`rpc`] the few questions · [`topology`] who may say, hear and keep what. Domain values in, bytes out: wire types stay here.

mod field;
mod message;

pub mod fact;
pub mod fold;
pub mod heartbeat;
pub mod order;
pub mod resolution;
pub mod rpc;
pub mod subject;
pub mod topology;

pub use fold::{Folded, fold};
pub use subject::{InvalidSubject, Subject};

use topology::StreamName;

/// Why bytes are not the message that their subject announces. Never retryable: the same bytes fail again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// There is no body.
    #[error(
        "the body is empty; publish the JSON itself (with the nats CLI: --force-stdin, or the JSON as an argument)"
    )]
    Empty,
    /// It is no JSON, or not of the message's shape.
    #[error("the body is not valid: {0}")]
    Json(String),
    /// A field holds something that it cannot hold.
    #[error("field `{field}`: {reason}")]
    Field {
        /// The field, by its name in the catalogue.
        field: &'static str,
        /// What is wrong with it, and what to write.
        reason: String,
    },
    /// Its text holds a credential, which is not repeated here.
    #[error(
        "`{field}` holds a credential, and an order is kept for ever and read by every service and node: {instead}. If this order was published, change the credential where it is valid"
    )]
    Credential {
        /// The field, as a path of names.
        field: String,
        /// What to write instead.
        instead: &'static str,
    },
    /// The subject belongs to no known message.
    #[error("no message is published on `{0}`")]
    Subject(String),
}

/// A message that is published: a fact, or an order once it was given.
pub trait Event: Sized {
    /// The subject up to its key, such as `plimsoll.image.pushed`.
    const KIND: &'static str;
    /// The stream that keeps it.
    const STREAM: StreamName;

    /// The tokens after [`Self::KIND`], most general first.
    fn key(&self) -> Vec<String>;

    /// The JSON body.
    fn encode(self) -> Vec<u8>;

    /// Reads a JSON body.
    fn decode(body: &[u8]) -> Result<Self, Malformed>;

    /// The whole subject.
    fn subject(&self) -> Subject {
        Subject::of(Self::KIND, &self.key())
    }
}

/// A question with one owner, answered over NATS as JSON.
pub trait Request: Sized {
    /// The subject; it stands in no stream.
    const SUBJECT: &'static str;
    /// The answer.
    type Reply: Body;
}

/// Something with a JSON form.
pub trait Body: Sized {
    /// The JSON body.
    fn encode(self) -> Vec<u8>;

    /// Reads a JSON body.
    fn decode(body: &[u8]) -> Result<Self, Malformed>;
}

/// One line of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The message's name in `proto/`.
    pub message: &'static str,
    /// The subject up to its key.
    pub kind: &'static str,
    /// The stream that keeps it.
    pub stream: StreamName,
}

/// A message that is published and kept by no stream: its name in `proto/`, and its subject.
pub const BROADCASTS: &[(&str, &str)] = &[("HeartbeatIssued", heartbeat::HeartbeatIssued::SUBJECT)];

/// Every event there is.
pub fn catalogue() -> Vec<Entry> {
    [order::ENTRIES, resolution::ENTRIES, fact::ENTRIES].concat()
}

#[cfg(test)]
mod tests;
