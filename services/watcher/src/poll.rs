//! Looks at everything from time to time, so that a lost webhook costs minutes and never an image. Each registry and git host is asked
//! by a task of its own: one that is slow or broken delays nobody else.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::Notify,
    task::{Id, JoinSet},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, debug, info_span, warn};

use crate::{
    error::Error,
    images::Images,
    memory::{Memory, Target},
    sources::Sources,
};

/// Between two tries of one that is broken, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// Failures in a row after which the rest of a host is left for the next try: each may have cost a whole time-out.
const FAILURES: usize = 3;

/// Hosts asked at once.
const PEERS: usize = 16;

/// Looks at things; cheap to clone.
#[derive(Clone)]
pub(crate) struct Poll {
    pub(crate) memory: Memory,
    pub(crate) images: Images,
    pub(crate) sources: Sources,
    pub(crate) pause: Duration,
}

/// What is to be looked at, and by whom.
#[derive(Default)]
struct Rounds {
    known: BTreeSet<Target>,
    waiting: BTreeMap<String, BTreeSet<Target>>,
    busy: HashMap<Id, String>,
    tasks: JoinSet<()>,
}

impl Poll {
    /// Looks at everything at once, then after every pause, and at what is new to `ordered` whenever that says so. Until `stop`.
    pub(crate) async fn run(self, ordered: Arc<Notify>, stop: CancellationToken) {
        let mut rounds = Rounds::default();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(ended) = rounds.tasks.join_next_with_id() => {
                    let id = ended.map_or_else(|error| error.id(), |(id, ())| id);
                    rounds.busy.remove(&id);
                }
                () = ordered.notified() => {
                    let targets = self.memory.targets();
                    rounds.wait_for(targets.difference(&rounds.known).cloned().collect());
                    rounds.known = targets;
                }
                () = sleep_until(next) => {
                    rounds.known = self.memory.targets();
                    rounds.wait_for(rounds.known.clone());
                    // Many watchers that started together do not stay together.
                    next = Instant::now() + self.pause.mul_f64(rand::random_range(0.9..1.1));
                }
            }
            rounds.start(&self);
        }
    }

    /// Asks one host until everything was answered, or until it is time for the next round.
    async fn round(self, mut targets: BTreeSet<Target>) {
        let end = Instant::now() + self.pause;
        let mut wait = BACKOFF.0;
        loop {
            targets = self.look(targets).await;
            if targets.is_empty() || Instant::now() + wait >= end {
                return;
            }
            sleep(wait).await;
            wait = (wait * 2).min(BACKOFF.1);
        }
    }

    /// Looks at `targets`; those that are worth another try.
    async fn look(&self, targets: BTreeSet<Target>) -> BTreeSet<Target> {
        let mut left = BTreeSet::new();
        let mut in_a_row = 0;
        for target in targets {
            if in_a_row >= FAILURES {
                left.insert(target);
                continue;
            }
            match self.look_at(&target).await {
                Ok(()) => in_a_row = 0,
                Err(error) if error.is_retryable() => {
                    debug!(target = target.name(), error = %telemetry::Chain(&error), "A look is tried again.");
                    in_a_row += 1;
                    left.insert(target);
                }
                Err(error) => {
                    warn!(error = %telemetry::Chain(&error), "Something that is to be watched cannot be read.");
                }
            }
        }
        if in_a_row > 0 {
            warn!(
                left = left.len(),
                "A host does not answer as it should; the rest of it is looked at later."
            );
        }
        left
    }

    async fn look_at(&self, target: &Target) -> Result<(), Error> {
        match target {
            Target::Images(repository) => self.images.poll(repository).await,
            Target::Branch(branch) => self.sources.poll(branch).await,
        }
    }
}

impl Rounds {
    fn wait_for(&mut self, targets: BTreeSet<Target>) {
        for target in targets {
            self.waiting.entry(target.peer()).or_default().insert(target);
        }
    }

    /// Starts a round for every host that none is under way for.
    fn start(&mut self, poll: &Poll) {
        let idle: Vec<String> = self
            .waiting
            .keys()
            .filter(|peer| !self.busy.values().any(|busy| busy == *peer))
            .take(PEERS.saturating_sub(self.busy.len()))
            .cloned()
            .collect();
        for peer in idle {
            let targets = self.waiting.remove(&peer).unwrap_or_default();
            let span = info_span!("poll", otel.kind = "client", peer);
            let task = self.tasks.spawn(poll.clone().round(targets).instrument(span));
            self.busy.insert(task.id(), peer);
        }
    }
}
