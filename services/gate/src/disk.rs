//! A projection that is opened again after its disk failed: a store that met a full disk once writes nothing more until then. What is missing
//! by then is its owner's to write.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bus::Conditions;
use service::Context;
use store::Projection;
use tokio::sync::Notify;

/// Between two tries to open it again. It grows until a whole flush succeeds, so that a disk that stays full is not kept busy.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A projection, open or not; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Disk(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    version: u32,
    /// What operators are told while it cannot be written.
    condition: Condition,
    conditions: Conditions,
    state: Mutex<State>,
    written: Notify,
    failed: Notify,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Projection>,
    /// Whether everything was written that was to be; not after a failure, until its owner says so.
    is_complete: bool,
}

/// A condition under its key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Condition {
    pub(crate) key: &'static str,
    pub(crate) text: &'static str,
}

impl Disk {
    /// Opens the projection; where that fails, [`Self::keep_open`] tries again.
    pub(crate) fn open(folder: PathBuf, version: u32, condition: Condition, conditions: Conditions) -> Self {
        let disk = Self(Arc::new(Inner {
            folder,
            version,
            condition,
            conditions,
            state: Mutex::default(),
            written: Notify::new(),
            failed: Notify::new(),
        }));
        match disk.open_again() {
            Ok(()) => disk.lock().is_complete = true,
            Err(error) => disk.fail(&error),
        }
        disk
    }

    /// The projection, where it is open.
    pub(crate) fn projection(&self) -> Option<Projection> {
        self.lock().open.clone()
    }

    /// Writes, where the projection is open and nothing is missing in it.
    pub(crate) fn write(&self, write: impl FnOnce(&Projection) -> Result<(), store::Error>) {
        self.write_where(|is_complete| is_complete, write);
    }

    /// Writes, where the projection is open, whatever is missing in it.
    pub(crate) fn write_missing(&self, write: impl FnOnce(&Projection) -> Result<(), store::Error>) {
        self.write_where(|_| true, write);
    }

    /// Nothing is missing any more, where the projection is open and `is_complete` says so. When that is on the disk too, the condition is cleared.
    pub(crate) fn set_complete(&self, is_complete: impl FnOnce(&Projection) -> bool) -> bool {
        let mut state = self.lock();
        state.is_complete = state.open.as_ref().is_some_and(is_complete);
        self.0.written.notify_one();
        state.is_complete
    }

    fn write_where(
        &self,
        may_write: impl FnOnce(bool) -> bool,
        write: impl FnOnce(&Projection) -> Result<(), store::Error>,
    ) {
        let state = self.lock();
        let Some(projection) = state.open.as_ref().filter(|_| may_write(state.is_complete)) else { return };
        let written = write(projection);
        drop(state);
        match written {
            Ok(()) => self.0.written.notify_one(),
            Err(error) => self.fail(&error),
        }
    }

    /// Brings what is written to the disk, and opens the projection again after a failure, until the context's stop. `reopened` is called each time it
    /// was opened again, on a thread that it may block.
    pub(crate) fn keep_open(&self, context: &Context, reopened: impl Fn() + Send + Sync + 'static) {
        let (disk, reopened) = (self.clone(), Arc::new(reopened));
        let keep = async move {
            let mut wait = BACKOFF.0;
            loop {
                tokio::select! {
                    biased;
                    () = disk.0.failed.notified() => {
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(BACKOFF.1);
                        let (disk, reopened) = (disk.clone(), Arc::clone(&reopened));
                        let opened = tokio::task::spawn_blocking(move || match disk.open_again() {
                            Ok(()) => reopened(),
                            Err(error) => disk.fail(&error),
                        });
                        // The runtime ends.
                        let Ok(()) = opened.await else { return };
                    }
                    () = disk.0.written.notified() => {
                        let flushing = disk.clone();
                        let Ok(is_complete) = tokio::task::spawn_blocking(move || flushing.flush()).await else { return };
                        if is_complete {
                            wait = BACKOFF.0;
                        }
                    }
                }
            }
        };
        context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(keep));
    }

    fn open_again(&self) -> Result<(), store::Error> {
        let projection = Projection::open(&self.0.folder, self.0.version)?;
        self.lock().open = Some(projection);
        Ok(())
    }

    /// Whether everything is on the disk by now.
    fn flush(&self) -> bool {
        let (projection, was_complete) = {
            let state = self.lock();
            (state.open.clone(), state.is_complete)
        };
        let Some(projection) = projection else { return false };
        if let Err(error) = projection.flush() {
            self.fail(&error);
            return false;
        }
        let state = self.lock();
        let is_complete = was_complete && state.is_complete;
        if is_complete {
            self.0.conditions.clear(self.0.condition.key);
        }
        is_complete
    }

    fn fail(&self, error: &store::Error) {
        let Condition { key, text } = self.0.condition;
        let mut state = self.lock();
        // Only one handle may have it open, and another is about to be opened.
        let failed = std::mem::take(&mut *state);
        self.0.conditions.raise(key, format!("{text} ({})", telemetry::Chain(error)));
        drop(state);
        drop(failed);
        self.0.failed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
