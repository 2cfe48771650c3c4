//! Giving an order as a person: publish it, then wait until the invalidator has said what became of it.

use std::time::Duration;

use events::{
    Event, Subject,
    resolution::{OrderAccepted, OrderRejected},
};
use verdict::Operator;

use crate::connection::{Connection, Error, bounded};

/// What became of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// The invalidator took it as sound: it took effect, or was in effect already. Says nothing about which gates have read it.
    Accepted(OrderAccepted),
    /// It changes nothing, for the reason given.
    Rejected(OrderRejected),
    /// It is stored under this sequence, and the invalidator has not answered in time: it may still be accepted or rejected.
    Unanswered(u64),
}

impl Connection {
    /// Gives an order. Not repeated by itself: an error leaves open whether it was stored, and giving it again is harmless.
    pub async fn order(
        &self,
        kind: &str,
        operator: &Operator,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<Given, Error> {
        let subject = Subject::of(kind, &[operator.to_string()]);
        self.fits("the order", body.len())?;
        // Listen first: the answer may be faster than the acknowledgement.
        let mut answers = self.listen("plimsoll.order.>").await?;
        let stored = async { self.jetstream.publish(subject.to_string(), body.into()).await?.await };
        let sequence = bounded("take the order", stored).await?.sequence;
        let answer = async {
            while let Some((subject, body)) = answers.next().await {
                if let Some(accepted) = about::<OrderAccepted>(&subject, &body, sequence) {
                    return Some(Given::Accepted(accepted));
                }
                if let Some(rejected) = about::<OrderRejected>(&subject, &body, sequence) {
                    return Some(Given::Rejected(rejected));
                }
            }
            None
        };
        Ok(tokio::time::timeout(patience, answer).await.ok().flatten().unwrap_or(Given::Unanswered(sequence)))
    }
}

fn about<E: Event>(subject: &Subject, body: &[u8], sequence: u64) -> Option<E> {
    let own = subject.as_str() == format!("{}.{sequence}", E::KIND);
    own.then(|| E::decode(body).ok()).flatten()
}
