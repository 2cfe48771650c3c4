//! Heartbeats: every second how far ORDERS and RESOLUTIONS reach, read where they are written. A task of its own, which the main loop cannot
//! hold up.

use std::time::Duration;

use bus::{Connection, Error, bucket::Claim};
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

/// Writes the role's entry with a term that is higher than that of any start before.
///
/// It is the time in milliseconds, so that it also rises when the bucket was lost or restored from a copy; and more than the entry's own, so that it
/// also rises when the clock was set back.
async fn begin_term(connection: &Connection) -> Result<u64, Error> {
    let leases = connection.entries(Bucket::Leases).await?;
    let key = Role::Invalidator.as_str();
    loop {
        let written = leases.get(key).await?;
        let last = written.as_ref().and_then(|(value, _)| std::str::from_utf8(value).ok()?.parse().ok());
        let term = next_term(last, OffsetDateTime::now_utc());
        let claim = match written {
            Some((_, revision)) => leases.update(key, term.to_string().into_bytes(), revision).await?,
            None => leases.create(key, term.to_string().into_bytes()).await?,
        };
        if let Claim::Won(_) = claim {
            return Ok(term);
        }
    }
}

fn next_term(last: Option<u64>, now: OffsetDateTime) -> u64 {
    let now = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or_default();
    last.map_or(now, |last| now.max(last.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_rises_whatever_was_lost_or_set_back() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::seconds(1_000);
        assert_eq!(next_term(None, now), 1_000_000);
        assert_eq!(next_term(Some(7), now), 1_000_000);
        assert_eq!(next_term(Some(1_000_000), now), 1_000_001);
        assert_eq!(next_term(Some(2_000_000), now), 2_000_001);
    }
}
