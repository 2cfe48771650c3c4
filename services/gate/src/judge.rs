//! The verdict at a door, and the report of a refusal.

use std::sync::Arc;

use artifact::ImageFacts;
use events::fact::ContainerRefused;
use service::Context;
use time::OffsetDateTime;
use tokio::sync::Semaphore;
use tracing::{info, warn};
use verdict::{Decision, Door, Mode, Rule, Verdict};

use crate::memory::Memory;

/// Refusals that may wait for the broker at once; a container that restarts for ever makes many.
const REPORTS: usize = 256;

/// Judges, and reports what it refuses; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Judge {
    memory: Memory,
    context: Context,
    reports: Arc<Semaphore>,
}

impl Judge {
    pub(crate) fn new(memory: Memory, context: Context) -> Self {
        Self { memory, context, reports: Arc::new(Semaphore::new(REPORTS)) }
    }

    /// The strictest verdict over all instances. An image without an instance cannot be cleared of anything.
    pub(crate) fn decide(&self, instances: &[ImageFacts], door: Door) -> Verdict {
        self.memory
            .decide(instances, door, OffsetDateTime::now_utc())
            .unwrap_or_else(|| self.nothing_to_judge(door))
    }

    fn nothing_to_judge(&self, door: Door) -> Verdict {
        let decision = match self.memory.mode(door) {
            Mode::Observe => Decision::Allow,
            Mode::Warn => Decision::Warn,
            Mode::Enforce => Decision::Refuse,
        };
        Verdict {
            decision,
            strict: Decision::Refuse,
            rule: Rule::Unknown,
            ban: None,
            path: Vec::new(),
            replacement: None,
            as_of: self.memory.as_of(),
            valid_until: None,
        }
    }

    /// Whether a door that cannot learn what it should judge has to stay shut.
    pub(crate) fn enforces(&self, door: Door) -> bool {
        self.memory.mode(door) == Mode::Enforce
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
