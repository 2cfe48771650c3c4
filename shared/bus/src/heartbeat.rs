//! Heartbeats on the wire: issued by one, received by all who hold what they speak of. What they mean is `verdict`'s business.

use std::time::Duration;

use async_nats::jetstream;
use events::{
    Body as _,
    heartbeat::HeartbeatIssued,
    topology::{Account, StreamName},
};
use futures::StreamExt as _;
use tracing::warn;

use crate::{
    accounts::origin_api,
    connection::{Connection, Error, bounded},
};

/// How long a stream may take to say how far it reaches. A heartbeat that waited longer would be late by as much.
const INFO: Duration = Duration::from_secs(2);

/// The heartbeats that are issued from now on.
pub struct Heartbeats {
    messages: async_nats::Subscriber,
}

impl Connection {
    /// The last sequence of `stream` where it is written, asked from `account`. Retryable.
    pub async fn last_sequence(&self, stream: StreamName, account: Account) -> Result<u64, Error> {
        let prefix = if stream.spec().home == account { "$JS.API".to_owned() } else { origin_api(stream) };
        let mut jetstream = jetstream::with_prefix(self.client.clone(), &prefix);
        jetstream.set_timeout(INFO);
        let stream_info =
            bounded(format!("say how far {stream} reaches"), jetstream.get_stream(stream.as_str()));
        Ok(stream_info.await?.cached_info().state.last_sequence)
    }

    /// Publishes a heartbeat. No stream keeps it, so nothing says whether it arrived.
    pub async fn publish_heartbeat(&self, heartbeat: HeartbeatIssued) -> Result<(), Error> {
        let body = heartbeat.encode();
        let published = self.client.publish(HeartbeatIssued::SUBJECT, body.into());
        bounded("publish a heartbeat", published).await
    }

    /// Subscribes to heartbeats. The subscription outlives the broker's restarts.
    pub async fn heartbeats(&self) -> Result<Heartbeats, Error> {
        let subscribed = self.client.subscribe(HeartbeatIssued::SUBJECT);
        Ok(Heartbeats { messages: bounded("subscribe to heartbeats", subscribed).await? })
    }
}

impl Heartbeats {
    /// The next heartbeat; none when the connection was closed. One that cannot be read is passed over. Cancel-safe.
    pub async fn next(&mut self) -> Option<HeartbeatIssued> {
        loop {
            let message = self.messages.next().await?;
            match HeartbeatIssued::decode(&message.payload) {
                Ok(heartbeat) => return Some(heartbeat),
                Err(error) => warn!(%error, "A heartbeat cannot be read."),
            }
        }
    }
}
