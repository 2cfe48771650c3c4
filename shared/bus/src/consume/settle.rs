//! What becomes of one message: acknowledged, tried again, or laid aside in DEAD; and of a dead letter that a person wants tried again.

use std::{future::Future, time::Duration};

use async_nats::jetstream::AckKind;
use events::{
    Subject,
    fact::{DeadLetter, Redrive},
    topology::StreamName,
};
use time::OffsetDateTime;
use tracing::{Instrument as _, Span, debug, error, info, info_span, warn};

use super::{Classify, Delivery, Disposition, Handler, Run};
use crate::{
    connection::{Error, bounded},
    headers,
};

/// How often a redrive is tried before the letter is laid aside again: a person is waiting.
const REDRIVES: u64 = 3;

/// After how long a letter is asked for again when DEAD cannot be reached.
const LATER: Duration = Duration::from_secs(1);

/// The largest body that a letter carries: as a JSON text within a message of 1 MiB, even if every fourth character is escaped.
const LARGEST: usize = 512 * 1024;

/// What came of handling.
enum Attempt<E> {
    /// The facts are stored.
    Done,
    /// They could not be; the message comes again, and its facts with the same ids.
    NotStored,
    /// They never can be.
    Unstorable(Error),
    /// The handler failed.
    Failed(E),
}

impl<H: Handler> Run<H> {
    /// Handles one message of the consumer's own stream, or of REDRIVE.
    pub(super) async fn settle(&self, from: StreamName, message: async_nats::jetstream::Message) {
        let Ok(info) = message.info() else { return };
        let (sequence, delivered) = (info.stream_sequence, u64::try_from(info.delivered).unwrap_or(1));
        let Ok(subject) = message.subject.as_str().parse::<Subject>() else { return };
        let span = span(&subject, sequence, delivered);
        telemetry::adopt(&span, &headers::trace_of(message.headers.as_ref()));
        let delivery = Delivery { subject, sequence, attempt: delivered, body: message.payload.to_vec() };
        let settled = async {
            let ack = if from == StreamName::Redrive {
                self.redrive(&message, delivery).await
            } else {
                self.first_hand(&message, delivery).await
            };
            let Some(ack) = ack else { return };
            if let Err(error) = bounded("take an acknowledgement", message.double_ack_with(ack)).await {
                debug!(error = %telemetry::Chain(&error), "An acknowledgement was lost; the message comes again.");
            }
        };
        settled.instrument(span).await;
    }

    async fn first_hand(
        &self,
        message: &async_nats::jetstream::Message,
        delivery: Delivery,
    ) -> Option<AckKind> {
        let patience = u64::try_from(self.durable.max_deliver).unwrap_or(u64::MAX);
        let cause = format!("{}/{}", self.durable.stream, delivery.sequence);
        if delivery.attempt > patience {
            let reason = format!(
                "delivered {patience} times, and no handler lived to say what became of it; see the logs of {}",
                self.durable.name
            );
            return self.lay_aside(&delivery, reason, &cause).await;
        }
        match self.attempt(message, &delivery, &cause).await {
            Attempt::Done => Some(AckKind::Ack),
            Attempt::NotStored => None,
            Attempt::Unstorable(error) => self.lay_aside(&delivery, unstorable(&error), &cause).await,
            Attempt::Failed(failure) => match failure.disposition() {
                Disposition::Retry(delay) if delivery.attempt < patience => {
                    debug!(error = %telemetry::Chain(&failure), "A message is tried again.");
                    Some(AckKind::Nak(Some(delay)))
                }
                Disposition::Retry(_) | Disposition::Reject => {
                    let reason = telemetry::Chain(&failure).to_string();
                    self.lay_aside(&delivery, reason, &cause).await
                }
            },
        }
    }

    async fn redrive(&self, message: &async_nats::jetstream::Message, request: Delivery) -> Option<AckKind> {
        let asked: Redrive = match request.decode() {
            Ok(asked) => asked,
            Err(error) => {
                warn!(%error, subject = %request.subject, "A redrive cannot be read.");
                return Some(AckKind::Term);
            }
        };
        let found = self.connection.letter(self.durable.stream, self.durable.name, asked.sequence).await;
        let letter = match found {
            Ok(Some(letter)) if letter.settled_at.is_none() => letter,
            Ok(_) => {
                info!(sequence = asked.sequence, "There is no such dead letter, or it is settled.");
                return Some(AckKind::Term);
            }
            Err(error) => {
                warn!(error = %telemetry::Chain(&error), "DEAD could not be reached.");
                return Some(AckKind::Nak(Some(LATER)));
            }
        };
        let Ok(subject) = letter.subject.parse() else { return Some(AckKind::Term) };
        info!(subject = %letter.subject, sequence = letter.sequence, by = %request.subject, "A dead letter is tried again.");
        let cause = format!("{}/{}", StreamName::Redrive, request.sequence);
        let delivery = Delivery {
            subject,
            sequence: letter.sequence,
            attempt: letter.deliveries + 1,
            body: letter.body.clone().into_bytes(),
        };
        if request.attempt > REDRIVES {
            return self.lay_aside(&delivery, "no handler lived to redrive it".to_owned(), &cause).await;
        }
        match self.attempt(message, &delivery, &cause).await {
            Attempt::Done => {
                let settled = DeadLetter { settled_at: Some(OffsetDateTime::now_utc()), ..letter };
                self.tell(settled, &cause).await.then_some(AckKind::Ack)
            }
            Attempt::NotStored => None,
            Attempt::Unstorable(error) => self.lay_aside(&delivery, unstorable(&error), &cause).await,
            Attempt::Failed(failure) => match failure.disposition() {
                Disposition::Retry(delay) if request.attempt < REDRIVES => Some(AckKind::Nak(Some(delay))),
                Disposition::Retry(_) | Disposition::Reject => {
                    let reason = telemetry::Chain(&failure).to_string();
                    self.lay_aside(&delivery, reason, &cause).await
                }
            },
        }
    }

    async fn attempt(
        &self,
        message: &async_nats::jetstream::Message,
        delivery: &Delivery,
        cause: &str,
    ) -> Attempt<H::Error> {
        let work = async {
            let outbox = self.handler.handle(delivery.clone()).await?;
            Ok(self.connection.publish_all(outbox, cause).await)
        };
        match self.with_progress(message, work).await {
            Ok(Ok(())) => Attempt::Done,
            Ok(Err(error)) if !error.is_retryable() => Attempt::Unstorable(error),
            Ok(Err(error)) => {
                warn!(error = %telemetry::Chain(&error), "The facts of a message could not be stored.");
                Attempt::NotStored
            }
            Err(failure) => Attempt::Failed(failure),
        }
    }

    /// Says in DEAD what could not be handled, whole and with the reason; only then is it done with.
    async fn lay_aside(&self, delivery: &Delivery, reason: String, cause: &str) -> Option<AckKind> {
        error!(subject = %delivery.subject, sequence = delivery.sequence, reason, "A message cannot be handled and is laid aside in DEAD; `plimsoll redrive` tries it again.");
        let body = if delivery.body.len() > LARGEST { &[] } else { delivery.body.as_slice() };
        let letter = DeadLetter {
            stream: self.durable.stream.to_string(),
            consumer: self.durable.name.to_owned(),
            subject: delivery.subject.to_string(),
            sequence: delivery.sequence,
            deliveries: delivery.attempt,
            reason,
            // What is no text is no message of ours, and no handler will ever read it.
            body: String::from_utf8_lossy(body).into_owned(),
            settled_at: None,
        };
        self.tell(letter, cause).await.then_some(AckKind::Term)
    }

    async fn tell(&self, letter: DeadLetter, cause: &str) -> bool {
        let told = self.connection.publish(letter, cause).await;
        if let Err(error) = &told {
            warn!(error = %telemetry::Chain(error), "DEAD could not be reached; the message comes again.");
        }
        told.is_ok()
    }

    /// Handles while telling the broker, three times an ack wait, that somebody still does.
    async fn with_progress<T>(
        &self,
        message: &async_nats::jetstream::Message,
        handling: impl Future<Output = T>,
    ) -> T {
        let mut handling = std::pin::pin!(handling);
        let between = self.durable.ack_wait / 3;
        loop {
            match tokio::time::timeout(between, &mut handling).await {
                Ok(handled) => return handled,
                Err(_) => {
                    // The handler waits for this sign; it must not wait long when the broker is away.
                    let sign = tokio::time::timeout(between, message.ack_with(AckKind::Progress)).await;
                    if !matches!(sign, Ok(Ok(()))) {
                        debug!("A sign of life was lost.");
                    }
                }
            }
        }
    }
}

fn unstorable(error: &Error) -> String {
    format!("what came of it cannot be stored: {}", telemetry::Chain(error))
}

fn span(subject: &Subject, sequence: u64, attempt: u64) -> Span {
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
