//! What orders say at this moment, and the scans that are asked of it.

use std::{
    num::NonZeroUsize,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bus::Record;
use evaluator::{Evaluator, Question, Unanswered};
use events::{
    fold,
    rpc::{ScanReply, ScanRequest},
};
use futures::future;
use time::OffsetDateTime;
use tokio::sync::{Notify, Semaphore};
use tracing::warn;
use verdict::{Snapshot, order::Name, snapshot::PolicyInForce};

use crate::{
    scan::{
        policies::{Asked, in_force, is_awaited},
        scan_with,
    },
    scripts::Scripts,
};

/// A definition that is longer is refused before it is read.
const LONGEST: usize = 1 << 20;
/// Scans at the same time for each core: they are work and no waiting.
const TURNS_A_CORE: usize = 2;
/// Between two tries to start a process; whoever asked is told that there is no answer when their patience ends.
const PAUSE: Duration = Duration::from_millis(250);
/// As often a scan waits that long for the acceptance of the policy that its project names: seldom more than a second, and less than an asker's patience.
const AWAITED: usize = 12;

/// The scanner's memory; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    snapshot: Arc<RwLock<Arc<Snapshot>>>,
    evaluator: Evaluator,
    scripts: Scripts,
    /// Scans that may be under way; one whose asker has gone counts until it has ended.
    turns: Arc<Semaphore>,
    /// Told when the rulebook changes.
    pub(crate) changed: Arc<Notify>,
}

impl Memory {
    pub(crate) fn new(evaluator: Evaluator, scripts: Scripts) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let turns = Arc::new(Semaphore::new(TURNS_A_CORE * cores));
        Self { snapshot: Arc::default(), evaluator, scripts, turns, changed: Arc::default() }
    }

    pub(crate) fn hear(&self, record: &Record) {
        let mut snapshot = self.snapshot.write().unwrap_or_else(PoisonError::into_inner);
        // Scans that are under way keep the orders with which they began.
        let snapshot = Arc::make_mut(&mut snapshot);
        let before = snapshot.rulebook();
        fold(snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
        if snapshot.rulebook() != before {
            self.changed.notify_one();
        }
    }

    /// The orders of this moment.
    pub(crate) fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Scans aside from the threads that listen, since a hostile definition may take its time.
    pub(crate) async fn scan(&self, request: ScanRequest) -> Result<ScanReply, String> {
        let bytes = request.definition.len();
        if bytes > LONGEST {
            return Err(format!(
                "the definition has {bytes} bytes, and the longest that is read has {LONGEST}; make it shorter"
            ));
        }
        let snapshot = self.answered_snapshot(request.project.as_ref()).await;
        let (asked, scripts) =
            future::join(self.ask(&snapshot, &request), self.scripts.ask(&request.definition)).await;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|error| error.to_string())?;
        let scanned = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            scan_with(&snapshot, &request, &asked, &scripts, OffsetDateTime::now_utc())
        });
        scanned.await.map_err(|error| format!("the scan broke off: {error}"))
    }

    /// The orders of this moment or, where the project's policy has just been ordered for the first time, of the moment at which it is answered.
    async fn answered_snapshot(&self, project: Option<&Name>) -> Arc<Snapshot> {
        for _ in 0..AWAITED {
            let snapshot = self.snapshot();
            if !is_awaited(&snapshot, project) {
                return snapshot;
            }
            tokio::time::sleep(PAUSE).await;
        }
        self.snapshot()
    }

    /// Every policy that holds, each in a process of its own.
    async fn ask(&self, snapshot: &Snapshot, request: &ScanRequest) -> Vec<Asked> {
        let held = in_force(snapshot, request.project.as_ref());
        let path = request.project.as_ref().and_then(|name| snapshot.project(name));
        let question = Question {
            definition: &request.definition,
            path: path.map_or("Dockerfile", |project| &project.definition),
            project: request.project.as_ref().map_or("", |name| name.as_str()),
        };
        future::join_all(held.into_iter().map(|policy| self.ask_one(policy, question)))
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    async fn ask_one(&self, policy: &Arc<PolicyInForce>, question: Question<'_>) -> Option<Asked> {
        let rego = policy.policy.rego.as_ref()?;
        let answer = loop {
            match self.evaluator.judge(rego, question).await {
                Ok(answer) => break Ok(answer),
                // Nobody's policy is at fault, so nobody is refused for it.
                Err(error @ Unanswered::Start(_)) => {
                    warn!(policy = %policy.policy.name, error = %telemetry::Chain(&error), "A policy is asked again.");
                    tokio::time::sleep(PAUSE).await;
                }
                Err(unanswered) => {
                    warn!(policy = %policy.policy.name, error = %unanswered, "A policy has no answer.");
                    break Err(unanswered.to_string());
                }
            }
        };
        Some(Asked { policy: Arc::clone(policy), answer })
    }
}
