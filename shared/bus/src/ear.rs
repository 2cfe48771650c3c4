//! Listening live, as an operator does with `nats sub 'plimsoll.>'`: what is said from now on, and nothing that was said before.

use events::Subject;
use futures::StreamExt as _;

use crate::connection::{Connection, Error, bounded};

/// An ear on one pattern of subjects.
pub struct Ear {
    messages: async_nats::Subscriber,
}

impl Connection {
    /// Listens on `pattern`; everything that is published after this returns is heard.
    pub async fn listen(&self, pattern: &str) -> Result<Ear, Error> {
        let action = format!("listen on {pattern}");
        let messages = bounded(&*action, self.client.subscribe(pattern.to_owned())).await?;
        // A subscription is in place when the broker has answered a ping that was sent after it.
        bounded(action, self.client.flush()).await?;
        Ok(Ear { messages })
    }
}

impl Ear {
    /// The next message; none when the connection was closed. Cancel-safe. Subjects that are none of ours are passed over.
    pub async fn next(&mut self) -> Option<(Subject, Vec<u8>)> {
        loop {
            let message = self.messages.next().await?;
            if let Ok(subject) = message.subject.as_str().parse() {
                return Some((subject, message.payload.to_vec()));
            }
        }
    }
}
