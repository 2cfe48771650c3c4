//! Giving an order as a person: publish it, then wait until the invalidator has said what became of it.

use std::time::Duration;

use events::{
    Event as _, Subject,
    resolution::{OrderAccepted, OrderRejected},
};
use futures::StreamExt as _;
use verdict::Operator;

use crate::connection::{Connection, Error};

/// What became of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    /// It took effect, or was in effect already.
    Accepted(OrderAccepted),
    /// It changes nothing, for the reason given.
    Rejected(OrderRejected),
    /// It is stored under this sequence and is in force at every gate; the invalidator has not answered in time.
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
        let failed = |source: async_nats::Error| Error::broker("take the order", source);
        let subject = Subject::of(kind, &[operator.to_string()]);
        // Listen first: the answer may be faster than the acknowledgement.
        let mut answers =
            self.client.subscribe("plimsoll.order.>").await.map_err(|error| failed(error.into()))?;
        self.client.flush().await.map_err(|error| failed(error.into()))?;
        let stored = self
            .jetstream
            .publish(subject.to_string(), body.into())
            .await
            .map_err(|error| failed(error.into()))?;
        let sequence = stored.await.map_err(|error| failed(error.into()))?.sequence;
        let answer = async {
            while let Some(message) = answers.next().await {
                if let Ok(accepted) = accepted(&message, sequence) {
                    return Some(Given::Accepted(accepted));
                }
                if let Ok(rejected) = rejected(&message, sequence) {
                    return Some(Given::Rejected(rejected));
                }
            }
            None
        };
        Ok(tokio::time::timeout(patience, answer).await.ok().flatten().unwrap_or(Given::Unanswered(sequence)))
    }
}

fn accepted(message: &async_nats::Message, sequence: u64) -> Result<OrderAccepted, ()> {
    let own = message.subject.as_str() == format!("{}.{sequence}", OrderAccepted::KIND);
    if own { OrderAccepted::decode(&message.payload).map_err(drop) } else { Err(()) }
}

fn rejected(message: &async_nats::Message, sequence: u64) -> Result<OrderRejected, ()> {
    let own = message.subject.as_str() == format!("{}.{sequence}", OrderRejected::KIND);
    if own { OrderRejected::decode(&message.payload).map_err(drop) } else { Err(()) }
}
