//! The verdict at a door, and the report of a refusal.

use std::{sync::Arc, time::Duration};

use artifact::ImageFacts;
use events::fact::ContainerRefused;
use service::Context;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tracing::{info, warn};
use verdict::{Decision, Door, Mode, OnStale, Rule, Verdict};

use crate::{freshness::Freshness, memory::Memory};

/// Refusals that may wait for the broker at once; a container that restarts for ever makes many.
const REPORTS: usize = 256;

/// How long a question waits where nothing is known yet: at a first start the orders are read within it.
const FIRST_READING: Duration = Duration::from_secs(3);

/// Judges, and reports what it refuses; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    memory: Memory,
    freshness: Arc<Freshness>,
    context: Context,
    reports: Arc<Semaphore>,
}

impl Judge {
    pub(crate) fn new(memory: Memory, freshness: Arc<Freshness>, context: Context) -> Self {
        Self { memory, freshness, context, reports: Arc::new(Semaphore::new(REPORTS)) }
    }

    /// Waits until there is something to answer from, and not for long. To be called before an answer that may be a denial.
    pub(crate) async fn ready(&self) {
        self.memory.is_known_within(FIRST_READING).await;
    }

    /// The strictest verdict over all instances. An image without an instance cannot be cleared of anything.
    pub(crate) fn decide(&self, instances: &[ImageFacts], door: Door) -> Verdict {
        let policy = self.freshness.policy(door);
        if !self.memory.is_known() {
            return Verdict::without_state(&policy, instances);
        }
        let age = self.freshness.age();
        let verdict = self.memory.decide(instances, door, OffsetDateTime::now_utc(), (age, &policy));
        let mut verdict = verdict.unwrap_or_else(|| self.nothing_to_judge(door));
        verdict.aged = Some(policy.aged(age));
        verdict
    }

    /// As [`Self::decide`], about a container whose image is gone and was never seen: it cannot be cleared of any ban.
    pub(crate) fn decide_unreadable(&self, named: &ImageFacts, door: Door) -> Verdict {
        let mut verdict = self.decide(std::slice::from_ref(named), door);
        let stays_open = verdict.aged.is_some_and(|aged| aged.is_stale() && aged.on_stale == OnStale::Open);
        if verdict.rule == Rule::Unknown && verdict.ban.is_some() && !stays_open {
            verdict.strict = Decision::Refuse;
            verdict.rule = Rule::Unreadable;
            verdict.decision = self.memory.mode(door).of(verdict.strict);
        }
        verdict
    }

    fn nothing_to_judge(&self, door: Door) -> Verdict {
        Verdict {
            decision: self.memory.mode(door).of(Decision::Refuse),
            strict: Decision::Refuse,
            rule: Rule::Unknown,
            ban: None,
            path: Vec::new(),
            replacement: None,
            as_of: self.memory.as_of(),
            valid_until: None,
            aged: None,
        }
    }

    /// Whether a door that cannot learn what it should judge has to stay shut.
    pub(crate) fn enforces(&self, door: Door) -> bool {
        if self.memory.is_known() {
            self.memory.mode(door) == Mode::Enforce
        } else {
            self.freshness.policy(door).on_stale != OnStale::Open
        }
    }

    /// Says in the log that something passed which a fresh state might have denied.
    pub(crate) fn warn_if_stale(&self, image: &str, door: Door, verdict: &Verdict) {
        if verdict.aged.is_some_and(|aged| aged.is_stale()) && !verdict.refuses() {
            warn!(image, %door, %verdict, "Allowed by a stale state.");
        }
    }

    /// Tells the bus of a refusal, aside: whoever was refused does not wait for it, and it is refused without a broker too.
    pub(crate) fn report(&self, container: Option<&str>, image: &str, door: Door, verdict: &Verdict) {
        let reason = verdict.to_string();
        info!(image, %door, %reason, "Refused.");
        let refused = ContainerRefused {
            node: self.context.connection.node().to_owned(),
            container: container.unwrap_or("new").to_owned(),
            image: image.to_owned(),
            door: door.to_string(),
            ban: verdict.ban.as_ref().map(|ban| ban.origin.sequence),
            reason,
        };
        let Ok(slot) = Arc::clone(&self.reports).try_acquire_owned() else {
            warn!(image, "A refusal is not reported: too many wait for the broker.");
            return;
        };
        let connection = self.context.connection.clone();
        let cause = format!("refusal at {}", OffsetDateTime::now_utc().unix_timestamp_nanos());
        self.context.tasks.spawn(async move {
            if let Err(error) = connection.publish(refused, &cause).await {
                warn!(error = %telemetry::Chain(&error), "A refusal could not be reported.");
            }
            drop(slot);
        });
    }
}
