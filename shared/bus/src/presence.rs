//! Who is there: the processes that answer `$SRV.STATS`, and what they say is wrong with them.

use std::{collections::BTreeSet, time::Duration};

use futures::StreamExt as _;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use crate::connection::{Connection, Error, bounded};

/// After the last expected answer, for further processes of the same name: gates of other nodes answer within this time.
const MORE: Duration = Duration::from_millis(200);

/// A process that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Present {
    /// The name under which it is listed: its role.
    pub name: String,
    /// What is wrong with it.
    pub conditions: BTreeSet<String>,
}

#[derive(Debug, Deserialize)]
struct Stats {
    name: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Debug, Deserialize)]
struct Endpoint {
    #[serde(default)]
    data: Data,
}

#[derive(Debug, Default, Deserialize)]
struct Data {
    #[serde(default)]
    conditions: BTreeSet<String>,
}

impl Connection {
    /// The processes that answer within `within`, in no order; returns sooner when each of `expected` has answered. A process that is down, frozen or
    /// without a connection does not answer.
    ///
    /// # Errors
    /// When the broker cannot be asked.
    pub async fn present(&self, expected: &[&str], within: Duration) -> Result<Vec<Present>, Error> {
        let action = || "ask which processes are there".to_owned();
        let inbox = self.client.new_inbox();
        let mut answers = bounded(action(), self.client.subscribe(inbox.clone())).await?;
        let asked = self.client.publish_with_reply("$SRV.STATS", inbox, bytes::Bytes::new());
        bounded(action(), asked).await?;
        bounded(action(), self.client.flush()).await?;
        let mut missing: BTreeSet<&str> = expected.iter().copied().collect();
        let mut present = Vec::new();
        let mut deadline = Instant::now() + within;
        while let Ok(Some(answer)) = timeout_at(deadline, answers.next()).await {
            // The broker itself answers without a body when no process responds.
            let Ok(stats) = serde_json::from_slice::<Stats>(&answer.payload) else { continue };
            let conditions = stats.endpoints.into_iter().flat_map(|endpoint| endpoint.data.conditions);
            if missing.remove(stats.name.as_str()) && missing.is_empty() {
                deadline = deadline.min(Instant::now() + MORE);
            }
            present.push(Present { name: stats.name, conditions: conditions.collect() });
        }
        Ok(present)
    }
}
