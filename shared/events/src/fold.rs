//! From the bytes of ORDERS and RESOLUTIONS to the snapshot: the one reader that every folding service shares.

use time::OffsetDateTime;
use verdict::{OrderRecord, Outcome, Resolution, Sequence, Snapshot};

use crate::{
    Subject,
    order::{self, Stored},
    resolution,
    topology::StreamName,
};

/// What folding one message did.
#[derive(Debug, Clone, PartialEq)]
pub enum Folded {
    /// An order.
    Order {
        /// Its place in the stream.
        sequence: Sequence,
        /// Its subject without the operator.
        kind: String,
        /// The operator as the subject names it.
        operator: String,
        /// The order, where it could be read.
        record: Option<Box<OrderRecord>>,
        /// What it did.
        outcome: Outcome,
    },
    /// A resolution.
    Resolution(Resolution),
    /// A message of another stream, or a resolution that could not be read: whoever folds it is behind from here on.
    Nothing,
}

/// Folds one stored message into `snapshot`. The result depends on the message and the snapshot alone.
pub fn fold(
    snapshot: &mut Snapshot,
    stream: StreamName,
    subject: &Subject,
    sequence: u64,
    at: OffsetDateTime,
    body: &[u8],
) -> Folded {
    match stream {
        StreamName::Orders => {
            let sequence = Sequence(sequence);
            let (kind, operator) = subject.split_kind().unwrap_or((subject.as_str(), ""));
            let (record, outcome) = match order::decode(subject, sequence, at, body) {
                Ok(Stored { record, objection }) => {
                    let outcome = match objection {
                        None => snapshot.apply(&record),
                        Some(objection) => snapshot.apply_objected(&record, objection.to_string()),
                    };
                    (Some(Box::new(record)), outcome)
                }
                Err(error) => (None, snapshot.apply_malformed(sequence, error.to_string())),
            };
            Folded::Order { sequence, kind: kind.to_owned(), operator: operator.to_owned(), record, outcome }
        }
        StreamName::Resolutions => match resolution::decode(subject, body) {
            Ok(message) => {
                snapshot.resolve(sequence, message.clone());
                Folded::Resolution(message)
            }
            Err(_) => {
                snapshot.miss(sequence);
                Folded::Nothing
            }
        },
        _ => Folded::Nothing,
    }
}

#[cfg(test)]
mod tests;
