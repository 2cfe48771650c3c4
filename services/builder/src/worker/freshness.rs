//! Whether what this worker has read of the orders is new enough to decide on: at FROM, and before a tag moves. Not how old it is, which the service
//! measures.

use std::time::Duration;

use serde::Deserialize;
use service::Context;
use verdict::{OnStale, StalePolicy, decide::MAX_AGE};

use super::{failure::Failure, run::Orders};

/// The key of the condition that what is known is too old.
const CONDITION: &str = "stale";

/// Between two looks at the age, for the condition.
const LOOK: Duration = Duration::from_secs(1);

/// The `[worker.freshness]` section.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The age past which nothing is built on and nothing published.
    pub max_age_secs: u64,
}

impl Default for Config {
    /// As the gate's.
    fn default() -> Self {
        Self { max_age_secs: MAX_AGE.as_secs() }
    }
}

/// What is known, its age, and how old it may be; cheap to clone.
#[derive(Clone)]
pub(super) struct Freshness {
    measured: service::Freshness,
    orders: Orders,
    policy: StalePolicy,
}

impl Freshness {
    /// Measures from now on, and raises a condition while what is known is too old, until the context's stop.
    pub(super) fn follow(config: Config, orders: &Orders, context: &Context) -> Self {
        let applied = orders.clone();
        let measured = service::Freshness::follow(context, move || applied.as_of());
        let freshness = Self { measured, orders: orders.clone(), policy: policy(config) };
        let (watched, conditions) = (freshness.clone(), context.connection.conditions().clone());
        let watch = async move {
            loop {
                tokio::time::sleep(LOOK).await;
                match watched.check() {
                    Ok(()) => conditions.clear(CONDITION),
                    Err(stale) => conditions.raise(CONDITION, stale.to_string()),
                }
            }
        };
        context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(watch));
        freshness
    }

    /// At the moment `opened` ([`service::since_boot`]) the streams reached no further than what is known now.
    pub(super) fn caught_up(&self, opened: Duration) {
        self.measured.caught_up(opened, self.orders.as_of());
    }

    /// Fails where what is known is too old to decide on.
    pub(super) fn check(&self) -> Result<(), Failure> {
        fresh(self.measured.age(self.orders.as_of()), &self.policy)
    }
}

/// A build that is denied for staleness is tried again, and a tag that moves under a ban is not taken back: so it is closed, always.
fn policy(Config { max_age_secs }: Config) -> StalePolicy {
    let max_age = Duration::from_secs(max_age_secs);
    StalePolicy { max_age, on_stale: OnStale::Closed, ..StalePolicy::default() }
}

fn fresh(age: Option<Duration>, policy: &StalePolicy) -> Result<(), Failure> {
    let aged = policy.aged(age);
    if aged.is_stale() { Err(Failure::Stale(aged)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use events::fact::FailureClass;

    use super::*;

    #[track_caller]
    fn check(age: Option<u64>, is_fresh: bool) {
        let checked = fresh(age.map(Duration::from_secs), &policy(Config { max_age_secs: 60 }));
        assert_eq!(checked.is_ok(), is_fresh, "{age:?}");
        if let Err(stale) = checked {
            // It is tried again by the planner, and no team is to blame.
            assert_eq!((stale.class(), stale.goes_back(1)), (FailureClass::Transient, None));
            assert!(!stale.is_refusal());
        }
    }

    #[test]
    fn what_is_too_old_or_was_never_fresh_is_not_decided_on() {
        check(Some(0), true);
        check(Some(60), true);
        check(Some(61), false);
        check(None, false);
        assert_eq!(policy(Config::default()).max_age, MAX_AGE);
    }
}
