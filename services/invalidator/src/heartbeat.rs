//! Heartbeats: every second how far ORDERS and RESOLUTIONS reach, read where they are written. A task of its own, which the main loop cannot
//! hold up.

use std::time::Duration;

use bus::{Connection, Error};
use events::{
    heartbeat::HeartbeatIssued,
    topology::{Bucket, Role, StreamName},
};
use time::OffsetDateTime;
use tokio::time::MissedTickBehavior;
use tracing::{info, warn};

/// Between two heartbeats. A gate's `max_age` is many of them.
const INTERVAL: Duration = Duration::from_secs(1);

/// Issues heartbeats for ever. While the origin of a stream cannot be asked, none is issued: every gate's age grows, as it should.
pub(crate) async fn issue(connection: Connection) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut lease = None;
    let mut failing = false;
    loop {
        ticks.tick().await;
        let issued = issue_one(&connection, &mut lease).await;
        match (&issued, failing) {
            (Err(error), false) => {
                warn!(error = %telemetry::Chain(error), "Heartbeats are not issued, so gates grow stale; tried again every second.");
            }
            (Ok(()), true) => info!("Heartbeats are issued again."),
            _ => {}
        }
        failing = issued.is_err();
    }
}

/// What one start of the process counts its heartbeats by.
struct Lease {
    term: u64,
    counter: u64,
}

async fn issue_one(connection: &Connection, lease: &mut Option<Lease>) -> Result<(), Error> {
    let lease = match lease {
        Some(lease) => lease,
        None => lease.insert(Lease { term: begin_term(connection).await?, counter: 0 }),
    };
    let issued_at = OffsetDateTime::now_utc();
    let account = Role::Invalidator.spec().account;
    let (orders, resolutions) = tokio::try_join!(
        connection.last_sequence(StreamName::Orders, account),
        connection.last_sequence(StreamName::Resolutions, account),
    )?;
    lease.counter += 1;
    let Lease { term, counter } = *lease;
    connection.publish_heartbeat(HeartbeatIssued { term, counter, issued_at, orders, resolutions }).await
}

/// The revision of the role's entry, which each start writes: higher than that of any start before.
async fn begin_term(connection: &Connection) -> Result<u64, Error> {
    let leases = connection.entries(Bucket::Leases).await?;
    leases.put(Role::Invalidator.as_str(), connection.unique_name().into_bytes()).await
}
