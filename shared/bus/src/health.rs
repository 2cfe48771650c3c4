//! Whether the broker can store, as it says itself to its system account. A stream that met a full disk stores nothing until the broker is started
//! again, also when there is room; the other streams go on, so that no probe of one's own would notice.

use serde::Deserialize;

use crate::connection::{Connection, Error, bounded};

/// One server answers; the embedded broker is one.
const QUESTION: &str = "$SYS.REQ.SERVER.PING.HEALTHZ";

#[derive(Debug, Deserialize)]
struct Answer {
    data: Health,
}

#[derive(Debug, Deserialize)]
struct Health {
    status: String,
    #[serde(default)]
    error: String,
}

impl Connection {
    /// What the broker says is wrong with it; nothing when all is well. Needs the identity
    /// [`SYSTEM_IDENTITY`](crate::keyring::SYSTEM_IDENTITY).
    ///
    /// # Errors
    /// When it does not answer. Retryable.
    pub async fn broker_illness(&self) -> Result<Option<String>, Error> {
        let action = "say whether it is healthy";
        let answer = bounded(action, self.client.request(QUESTION, bytes::Bytes::new())).await?;
        let answer: Answer =
            serde_json::from_slice(&answer.payload).map_err(|error| Error::broker(action, error))?;
        Ok(match answer.data {
            Health { status, .. } if status == "ok" => None,
            Health { status, error } if error.is_empty() => Some(status),
            Health { error, .. } => Some(error),
        })
    }
}
