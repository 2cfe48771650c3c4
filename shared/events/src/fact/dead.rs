//! What no consumer could handle, and a person's wish that it be tried again.

use time::OffsetDateTime;

use crate::message::message;

message! {
    /// A message that its consumer could not handle. By that consumer, who says it again when the letter has been redriven.
    DeadLetter {
        /// The message's stream.
        stream: String,
        /// The consumer that gave up.
        consumer: String,
        /// The message's subject.
        subject: String,
        /// Its sequence in the stream.
        sequence: u64,
        /// How often it had been delivered.
        deliveries: u64,
        /// Why it could not be handled.
        reason: String,
        /// The message itself; empty where it is too large to be kept twice, and then the stream has it.
        body: String,
        /// When a redrive handled it after all; none while it waits for somebody.
        settled_at: Option<OffsetDateTime>,
    }
}

message! {
    /// A dead letter is to be tried again, by the consumer that gave up. By a person.
    Redrive {
        /// The letter's stream.
        stream: String,
        /// The letter's consumer.
        consumer: String,
        /// The letter's sequence in that stream.
        sequence: u64,
        /// Who wants it.
        operator: String,
    }
}
