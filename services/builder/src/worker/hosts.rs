//! Hosts that do not answer: git hosts and registries. One job at a time tries such a host, ever more seldom; all others of that host are put back
//! at once, so that they hold nothing that another host's jobs need. Not whether and when a build is tried again: the planner decides that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use time::OffsetDateTime;
use tokio::time::Instant;

/// After so long without an answer from a host, one job goes on waiting and the others are put back. A shallow fetch or a manifest takes seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between two tries of a host that does not answer: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Hosts kept in mind; more at once mean a crawl.
const MOST: usize = 1024;

/// The hosts that one worker talks to; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Hosts(Arc<Mutex<HashMap<String, Host>>>);

/// A host did not answer others, so this job did not wait for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{host} has not answered since {since}")]
pub(super) struct Away {
    /// The host.
    pub(super) host: String,
    /// When it was first asked in vain.
    pub(super) since: OffsetDateTime,
    /// How long until the host is tried again.
    pub(super) pause: Duration,
}

#[derive(Debug, Default)]
struct Host {
    /// Exchanges that have not ended, oldest first.
    asked: BTreeMap<u64, Instant>,
    /// The next exchange's number.
    next: u64,
    /// When it last answered anything.
    answered: Option<Instant>,
    /// When it was first asked in vain, while it has not answered since.
    away_since: Option<OffsetDateTime>,
    /// How often since then.
    failures: u32,
    /// When it may be tried again.
    try_at: Option<Instant>,
}

/// An exchange with a host; over when dropped.
struct Exchange<'a> {
    hosts: &'a Hosts,
    host: &'a str,
    number: u64,
    began: Instant,
    began_at: OffsetDateTime,
}

impl Hosts {
    /// Does something with `host`, unless it does not answer; `is_silence` says which errors mean that. An exchange that waits in vain beside an
    /// older one is given up.
    pub(super) async fn through<T, E>(
        &self,
        host: &str,
        is_silence: impl Fn(&E) -> bool,
        exchange: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, Away> {
        let under_way = self.begin(host)?;
        tokio::pin!(exchange);
        let result = loop {
            match tokio::time::timeout(PATIENCE, exchange.as_mut()).await {
                Ok(result) => break result,
                Err(_) => under_way.go_on()?,
            }
        };
        under_way.end(result.as_ref().err().is_some_and(is_silence));
        Ok(result)
    }

    fn begin<'a>(&'a self, host: &'a str) -> Result<Exchange<'a>, Away> {
        let now = Instant::now();
        let mut hosts = self.locked();
        if hosts.len() >= MOST {
            hosts.retain(|_, host| !host.asked.is_empty() || host.away_since.is_some());
        }
        let known = hosts.entry(host.to_owned()).or_default();
        if let Some(since) = known.away_since {
            let pause = known.try_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
            if !pause.is_zero() || !known.asked.is_empty() {
                return Err(Away { host: host.to_owned(), since, pause });
            }
        }
        let number = known.next;
        known.next += 1;
        known.asked.insert(number, now);
        Ok(Exchange { hosts: self, host, number, began: now, began_at: OffsetDateTime::now_utc() })
    }

    /// A panic elsewhere leaves the entries whole.
    fn locked(&self) -> MutexGuard<'_, HashMap<String, Host>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Exchange<'_> {
    /// Whether to keep waiting: if the host answers others, or if no other job waits longer.
    fn go_on(&self) -> Result<(), Away> {
        let mut hosts = self.hosts.locked();
        let Some(known) = hosts.get_mut(self.host) else { return Ok(()) };
        let oldest = known.asked.first_key_value().is_none_or(|(oldest, _)| *oldest == self.number);
        if known.answered.is_some_and(|answered| answered.elapsed() < PATIENCE && answered > self.began) {
            return Ok(());
        }
        let since = *known.away_since.get_or_insert(self.began_at);
        if oldest { Ok(()) } else { Err(Away { host: self.host.to_owned(), since, pause: Duration::ZERO }) }
    }

    /// Notes what came of it.
    fn end(self, is_silence: bool) {
        let now = Instant::now();
        let mut hosts = self.hosts.locked();
        let Some(known) = hosts.get_mut(self.host) else { return };
        if is_silence {
            known.away_since.get_or_insert(self.began_at);
            let pause = PAUSES.0.saturating_mul(1 << known.failures.min(16)).min(PAUSES.1);
            known.failures = known.failures.saturating_add(1);
            known.try_at = Some(now + pause);
        } else {
            known.answered = Some(now);
            known.away_since = None;
            known.failures = 0;
            known.try_at = None;
        }
    }
}

impl Drop for Exchange<'_> {
    fn drop(&mut self) {
        if let Some(known) = self.hosts.locked().get_mut(self.host) {
            known.asked.remove(&self.number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ask(
        hosts: &Hosts,
        host: &str,
        seconds: u64,
        answer: Result<(), bool>,
    ) -> Result<Result<(), bool>, Away> {
        let exchange = async {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            answer
        };
        hosts.through(host, |is_silence| *is_silence, exchange).await
    }

    #[tokio::test(start_paused = true)]
    async fn one_waits_for_a_silent_host_and_the_others_do_not() {
        let hosts = Hosts::default();
        let began = Instant::now();
        let (first, second, elsewhere) = tokio::join!(
            ask(&hosts, "silent", 60, Err(true)),
            ask(&hosts, "silent", 60, Err(true)),
            ask(&hosts, "good", 60, Ok(()))
        );
        assert_eq!((first, elsewhere), (Ok(Err(true)), Ok(Ok(()))));
        assert!(second.is_err());
        assert_eq!(began.elapsed(), Duration::from_secs(60));
        // The host is left alone for two seconds, tried once, and then left alone for four.
        assert!(ask(&hosts, "silent", 0, Ok(())).await.is_err());
        tokio::time::sleep(Duration::from_secs(3)).await;
        let (probe, other) =
            tokio::join!(ask(&hosts, "silent", 1, Err(true)), ask(&hosts, "silent", 0, Ok(())));
        assert!(probe == Ok(Err(true)) && other.is_err());
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert!(ask(&hosts, "silent", 0, Ok(())).await.is_err());
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(ask(&hosts, "silent", 0, Err(false)).await, Ok(Err(false)), "an answer, if a bad one");
        assert_eq!(ask(&hosts, "silent", 0, Ok(())).await, Ok(Ok(())));
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_host_that_answers_others_is_waited_for() {
        let hosts = Hosts::default();
        let quick = async {
            for _ in 0..20 {
                ask(&hosts, "slow", 1, Ok(())).await.unwrap().unwrap();
            }
        };
        let (first, second, ()) =
            tokio::join!(ask(&hosts, "slow", 18, Ok(())), ask(&hosts, "slow", 18, Ok(())), quick);
        assert_eq!((first, second), (Ok(Ok(())), Ok(Ok(()))));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_stops_waiting_stands_in_nobodys_way() {
        let hosts = Hosts::default();
        let given_up = tokio::time::timeout(Duration::from_secs(8), ask(&hosts, "silent", 60, Ok(()))).await;
        assert!(given_up.is_err());
        assert_eq!(ask(&hosts, "silent", 0, Ok(())).await, Ok(Ok(())));
    }
}
