//! Hints that are being followed. A sender waits less long than a registry or broker may take, and then sends again: so following
//! goes on when the sender has left, the repetition joins it or finds it done, and nothing is followed twice.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, Span, error, warn};

use crate::error::Error;

/// Hints followed or waiting at once; a sender of more is asked to come again.
const OPEN: usize = 1024;

/// Hints followed at once: a few registries' worth of small requests.
const AT_ONCE: usize = 32;

/// Settled hints kept in mind: far more than are sent between a hint and its repetition.
const SETTLED: usize = 4096;

/// How far following a hint has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// It goes on.
    Open,
    /// Everything that it means is stored.
    Settled,
    /// It did not work out, and is worth another try.
    Failed,
}

/// The desk; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    hints: Arc<Mutex<Hints>>,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct Hints {
    open: HashMap<String, watch::Receiver<Progress>>,
    settled: HashSet<String>,
    /// The same, oldest first.
    settled_order: VecDeque<String>,
}

impl Desk {
    pub(crate) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self { hints: Arc::default(), slots: Arc::new(Semaphore::new(AT_ONCE)), tasks, stop }
    }

    /// Follows the hint `id` by `work`, unless it is being followed or was; none when there is too much to do.
    pub(crate) fn follow<W>(&self, id: &str, work: impl FnOnce() -> W) -> Option<watch::Receiver<Progress>>
    where
        W: Future<Output = Result<(), Error>> + Send + 'static,
    {
        let mut hints = self.hints();
        if hints.settled.contains(id) {
            return Some(watch::channel(Progress::Settled).1);
        }
        // One whose task died is followed anew.
        if let Some(open) = hints.open.get(id).filter(|open| open.has_changed().is_ok()) {
            return Some(open.clone());
        }
        if hints.open.len() >= OPEN {
            return None;
        }
        let (tell, progress) = watch::channel(Progress::Open);
        hints.open.insert(id.to_owned(), progress.clone());
        drop(hints);
        let (desk, id, work) = (self.clone(), id.to_owned(), work());
        let task = async move {
            let ended = desk.stop.run_until_cancelled(desk.take_turn(work)).await.unwrap_or(Progress::Failed);
            desk.hints().close(id, ended);
            tell.send_replace(ended);
        };
        self.tasks.spawn(task.instrument(Span::current()));
        Some(progress)
    }

    async fn take_turn(&self, work: impl Future<Output = Result<(), Error>>) -> Progress {
        let _slot = self.slots.acquire().await;
        match work.await {
            Ok(()) => Progress::Settled,
            Err(error) if error.is_retryable() => {
                warn!(error = %telemetry::Chain(&error), "A hint could not be followed; its sender is asked to repeat it.");
                Progress::Failed
            }
            Err(error) => {
                // Repeating would change nothing, and a registry holds back all later events for as long as one is refused.
                error!(error = %telemetry::Chain(&error), "A hint leads to something that cannot be read; it is looked at again with the next poll.");
                Progress::Settled
            }
        }
    }

    fn hints(&self) -> MutexGuard<'_, Hints> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hints {
    fn close(&mut self, id: String, ended: Progress) {
        self.open.remove(&id);
        if ended != Progress::Settled {
            return;
        }
        if self.settled_order.len() >= SETTLED
            && let Some(oldest) = self.settled_order.pop_front()
        {
            self.settled.remove(&oldest);
        }
        self.settled_order.push_back(id.clone());
        self.settled.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    fn desk() -> Desk {
        Desk::new(TaskTracker::new(), CancellationToken::new())
    }

    #[tokio::test]
    async fn a_repetition_joins_and_then_finds_it_done() {
        let (desk, runs, go) = (desk(), Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let follow = || {
            let (runs, go) = (Arc::clone(&runs), Arc::clone(&go));
            desk.follow("a", move || async move {
                runs.fetch_add(1, Ordering::SeqCst);
                go.notified().await;
                Ok(())
            })
        };
        let (mut first, mut second) = (follow().unwrap(), follow().unwrap());
        assert_eq!(*second.borrow(), Progress::Open);
        go.notify_one();
        for progress in [&mut first, &mut second] {
            assert_eq!(
                *progress.wait_for(|progress| *progress != Progress::Open).await.unwrap(),
                Progress::Settled
            );
        }
        assert_eq!(*follow().unwrap().borrow(), Progress::Settled);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn what_failed_is_tried_again_if_that_may_help() {
        let desk = desk();
        let unavailable = || registry::Error::Unavailable { subject: "x".to_owned(), status: 503 };
        for (id, error, expected) in [
            ("a", unavailable(), Progress::Failed),
            ("b", registry::Error::NotFound { subject: "x".to_owned() }, Progress::Settled),
        ] {
            let mut progress = desk.follow(id, || async { Err(error.into()) }).unwrap();
            assert_eq!(*progress.wait_for(|progress| *progress != Progress::Open).await.unwrap(), expected);
        }
        let mut again = desk.follow("a", || async { Ok(()) }).unwrap();
        assert_eq!(*again.wait_for(|progress| *progress != Progress::Open).await.unwrap(), Progress::Settled);
    }

    #[tokio::test]
    async fn there_is_a_limit() {
        let desk = desk();
        for id in 0..OPEN {
            assert!(desk.follow(&id.to_string(), std::future::pending).is_some());
        }
        assert!(desk.follow("one more", std::future::pending).is_none());
        desk.stop.cancel();
    }
}
