//! How full a stream is: for a publisher that has to keep room for what matters most. Not an alarm.

use events::topology::StreamName;

use crate::connection::{Connection, Error, bounded};

/// How full a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill {
    /// What it holds.
    pub bytes: u64,
    /// What it may hold; none where it has no limit.
    pub limit_bytes: Option<u64>,
}

impl Fill {
    /// Whether more than this share of the limit is taken, in percent.
    pub fn is_above(&self, percent: u64) -> bool {
        self.limit_bytes.is_some_and(|limit| self.bytes.saturating_mul(100) > limit.saturating_mul(percent))
    }
}

impl Connection {
    /// How full `stream` is. Retryable.
    pub async fn fill(&self, stream: StreamName) -> Result<Fill, Error> {
        let asked = async {
            let found = self.jetstream.get_stream(stream.as_str()).await.map_err(async_nats::Error::from)?;
            let info = found.cached_info();
            Ok::<_, async_nats::Error>(Fill {
                bytes: info.state.bytes,
                limit_bytes: u64::try_from(info.config.max_bytes).ok().filter(|limit| *limit > 0),
            })
        };
        bounded(format!("say how full {stream} is"), asked).await
    }
}
