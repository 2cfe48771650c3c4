//! Facts of containers that started and stopped, published one after the other aside: remedies do not wait for them.

use std::time::Duration;

use bus::{Connection, Error};
use events::fact::{ContainerStarted, ContainerStopped};
use tokio::{sync::mpsc, time::sleep};
use tracing::{error, warn};

/// How long a fact that could not be stored waits; by then its own patience is over, so this adds little.
const PAUSE: Duration = Duration::from_secs(1);

/// Something that is to be told.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Started(ContainerStarted),
    Stopped(ContainerStopped),
}

/// Publishes until nobody tells any more. The run of the container is the cause: who sees it again says the same message.
pub(crate) async fn announce(connection: Connection, mut facts: mpsc::Receiver<Fact>) {
    while let Some(fact) = facts.recv().await {
        while let Err(error) = publish(&connection, fact.clone()).await {
            if !error.is_retryable() {
                error!(error = %telemetry::Chain(&error), ?fact, "A container's fact can never be stored; the others go on.");
                break;
            }
            warn!(error = %telemetry::Chain(&error), "A container's fact is not stored yet.");
            sleep(PAUSE).await;
        }
    }
}

async fn publish(connection: &Connection, fact: Fact) -> Result<u64, Error> {
    match fact {
        Fact::Started(fact) => {
            let cause = cause("started", &fact.started_at);
            connection.publish(fact, &cause).await
        }
        Fact::Stopped(fact) => {
            let cause = cause("stopped", &fact.started_at);
            connection.publish(fact, &cause).await
        }
    }
}

fn cause(what: &str, started_at: &str) -> String {
    format!("{what} {started_at}")
}
