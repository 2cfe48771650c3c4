//! What no consumer could handle.

use crate::message::message;

message! {
    /// A message that its consumer could not handle. By that consumer; the message itself stays in its stream.
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
    }
}
