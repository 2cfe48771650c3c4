//! An alarm before a stream is full: one role of each account looks at the size limits of all streams and buckets there.

use std::time::Duration;

use events::topology::{Account, Bucket, Role, StreamName};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::connection::{Connection, Error, bounded};

/// Between two looks. Streams fill over days; a storm fills one in minutes.
const INTERVAL: Duration = Duration::from_secs(30);

/// From here on, in percent of the limit, somebody must act; and below this it is over. Apart, so that a stream at the limit does not
/// raise and clear its alarm with every message.
const HIGH_PERCENT: u64 = 80;
const LOW_PERCENT: u64 = 75;

/// The account whose streams and buckets `role` looks after, if it does that.
fn account(role: Role) -> Option<Account> {
    match role {
        Role::Invalidator => Some(Account::Ruling),
        Role::Planner => Some(Account::Pipe),
        Role::Agent => Some(Account::Node),
        Role::Watcher | Role::Scanner | Role::Worker | Role::Notifier | Role::Gate => None,
    }
}

/// The streams, mirrors and buckets that `role` looks after, by the names of their streams. Those of OPS are looked at in their mirrors, which
/// have the same limits.
pub(crate) fn watched(role: Role) -> Vec<String> {
    let Some(account) = account(role) else { return Vec::new() };
    let specs = StreamName::ALL.into_iter().map(StreamName::spec);
    let streams = specs.filter(|spec| spec.home == account || spec.mirrors.contains(&account));
    let buckets = Bucket::ALL.into_iter().filter(|bucket| bucket.home() == account);
    let streams = streams.map(|spec| spec.name.to_string());
    streams.chain(buckets.map(|bucket| format!("KV_{}", bucket.as_str()))).collect()
}

/// Looks after the limits of `role`'s account until `stop`; what is nearly full becomes a condition of this process.
pub async fn watch(connection: &Connection, role: Role, stop: &CancellationToken) {
    if account(role).is_none() {
        return;
    }
    loop {
        look(connection, role).await;
        if stop.run_until_cancelled(tokio::time::sleep(INTERVAL)).await.is_none() {
            return;
        }
    }
}

/// Looks once at every limit of `role`'s account.
pub async fn look(connection: &Connection, role: Role) {
    let conditions = connection.conditions();
    for stream in watched(role) {
        let key = format!("limit-{stream}");
        match fill(connection, &stream).await {
            Ok((used, limit)) if is_high(used, limit, conditions.has(&key)) => conditions.raise(
                &key,
                format!(
                    "{stream} in {} holds more than {LOW_PERCENT} % of the {} MiB that it may hold; raise its limit, or remove what is not needed, \
                     before it takes no more",
                    account(role).map_or("", Account::as_str),
                    limit >> 20
                ),
            ),
            Ok(_) => conditions.clear(&key),
            // The connection reports a failed request itself.
            Err(error) => debug!(%stream, error = %telemetry::Chain(&error), "A limit could not be read."),
        }
    }
}

/// How many bytes a stream holds, and how many it may hold; 0 for no limit.
async fn fill(connection: &Connection, stream: &str) -> Result<(u64, u64), Error> {
    let found =
        bounded(format!("describe the stream {stream}"), connection.jetstream.get_stream(stream)).await?;
    let info = found.cached_info();
    Ok((info.state.bytes, u64::try_from(info.config.max_bytes).unwrap_or_default()))
}

fn is_high(used: u64, limit: u64, was_high: bool) -> bool {
    let percent = if was_high { LOW_PERCENT } else { HIGH_PERCENT };
    limit > 0 && u128::from(used) * 100 >= u128::from(limit) * u128::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_begins_at_80_percent_and_ends_below_75() {
        for (used, limit, was_high, high) in [
            (79, 100, false, false),
            (80, 100, false, true),
            (75, 100, true, true),
            (74, 100, true, false),
            (u64::MAX, u64::MAX, false, true),
            // No limit.
            (100, 0, false, false),
        ] {
            assert_eq!(is_high(used, limit, was_high), high, "{used} of {limit}, before: {was_high}");
        }
    }

    #[test]
    fn every_stream_and_bucket_is_looked_after_somewhere() {
        let all: Vec<String> = Role::ALL.into_iter().flat_map(watched).collect();
        for stream in StreamName::ALL {
            assert!(all.contains(&stream.to_string()), "{stream}");
        }
        for bucket in Bucket::ALL {
            assert!(all.contains(&format!("KV_{}", bucket.as_str())), "{}", bucket.as_str());
        }
    }
}
