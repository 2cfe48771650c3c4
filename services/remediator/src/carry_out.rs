//! One run of a remedy, from its claim to its fact, in steps of which each is written down before the next: whoever is killed at any
//! point, the command has started at most once. Which runs are due is `due`'s business.

use std::time::Duration;

use bus::{Connection, Entries};
use containers::{Ending, ExecId, ExecState, Outcome, Runtime};
use events::fact::{ContainerRemedied, RunState};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tracing::{debug, error, info, warn};
use verdict::order::Remedy;

use crate::{
    due::{Due, Run},
    journal::{self, Journal, Step},
};

/// The longest output that a fact carries: what a person reads, well below the largest message even with every character escaped.
const OUTPUT_BYTES: usize = 64 * 1024;

/// How often an idempotent remedy whose end is unknown is begun in all: what was lost three times is no accident.
const ATTEMPTS: u32 = 3;

/// How often a command that somebody else started is asked after.
const PAUSE: Duration = Duration::from_millis(250);

/// What an agent that ended took with it.
const LOST_OUTPUT: &str = "(what it wrote went to an agent that ended before the command did)";

/// What carrying out takes; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hands {
    pub(crate) runtime: Runtime,
    pub(crate) connection: Connection,
    pub(crate) entries: Entries,
}

/// What became of a run that was begun or taken up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// Nothing is left to do.
    Done,
    /// It cannot go on now, as with a paused container or an absent daemon: once more, after a while.
    Later,
}

/// Why a run cannot go on now.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Journal(#[from] journal::Error),
    #[error(transparent)]
    Runtime(#[from] containers::Error),
    #[error(transparent)]
    Publish(#[from] bus::Error),
}

/// What to do next in a run.
enum Next {
    Write(Step),
    /// The container, or this run of it, is gone before anything was started in it: nothing is left to be remedied, and nothing is said.
    /// That it stopped is told by a fact of its own.
    Drop,
}

impl Hands {
    /// Begins a run or takes it up where somebody left it, and follows it to its end.
    pub(crate) async fn carry_out(self, due: Due) -> Came {
        match self.follow(&due).await {
            Ok(()) => Came::Done,
            Err(Error::Journal(error @ journal::Error::Unreadable { .. })) => {
                error!(error = %telemetry::Chain(&error), "A run is left alone.");
                Came::Done
            }
            Err(error) => {
                warn!(error = %telemetry::Chain(&error), "A remedy has to wait.");
                Came::Later
            }
        }
    }

    async fn follow(&self, due: &Due) -> Result<(), Error> {
        let key = journal::key(self.connection.node(), &due.run);
        let (mut journal, mut step) = Journal::open(self.entries.clone(), key).await?;
        loop {
            let next = match step {
                Step::Claimed { attempt } => self.prepare(due, attempt).await?,
                Step::Prepared { attempt, exec } => self.start(due, attempt, exec).await?,
                Step::Ended(fact) => {
                    // The key as the cause: said again after a crash, it is the same message.
                    self.connection.publish(fact.as_ref().clone(), journal.key()).await?;
                    Next::Write(Step::Reported(fact))
                }
                Step::Reported(_) => return Ok(()),
            };
            step = match next {
                Next::Write(step) => journal.write(step).await?,
                Next::Drop => return Ok(()),
            };
        }
    }

    /// Makes the command ready. A predecessor may have done so too without writing it down: nobody starts that one.
    async fn prepare(&self, due: &Due, attempt: u32) -> Result<Next, Error> {
        let Due { run, remedy, .. } = due;
        match self.runtime.prepare(&run.container, &remedy.argv, remedy.user.as_deref()).await {
            // A command belongs to the run of the container in which it was made: one that proves to be ours now stays ours.
            Ok(exec) if self.is_same_run(run).await? => Ok(Next::Write(Step::Prepared { attempt, exec })),
            Ok(_) => Ok(Next::Drop),
            Err(error) if error.is_not_found() => Ok(Next::Drop),
            Err(error) if error.is_retryable() => {
                if self.is_same_run(run).await? {
                    Err(error.into())
                } else {
                    Ok(Next::Drop)
                }
            }
            Err(error) => Ok(self.ended(due, RunState::Failed, -1, telemetry::Chain(&error).to_string())),
        }
    }

    async fn start(&self, due: &Due, attempt: u32, exec: ExecId) -> Result<Next, Error> {
        let mut said = LOST_OUTPUT.to_owned();
        if self.runtime.exec_state(&exec).await? == ExecState::NeverStarted {
            match self.runtime.start(&exec, OUTPUT_BYTES, due.remedy.timeout).await {
                Ok(outcome) => return Ok(self.came_out(due, attempt, outcome)),
                Err(error) => {
                    debug!(error = %telemetry::Chain(&error), %exec, "A command may not have started.");
                    if self.runtime.exec_state(&exec).await? == ExecState::NeverStarted {
                        return if error.is_retryable() {
                            Err(error.into())
                        } else {
                            let reason = telemetry::Chain(&error).to_string();
                            Ok(self.ended(due, RunState::Failed, -1, reason))
                        };
                    }
                    said = telemetry::Chain(&error).to_string();
                }
            }
        }
        Ok(match self.end_of(&exec, &due.remedy).await? {
            ExecState::Exited(0) => self.ended(due, RunState::Ok, 0, said),
            ExecState::Exited(code) => self.ended(due, RunState::Failed, code, said),
            ExecState::NeverStarted | ExecState::Running => self.ended(due, RunState::TimedOut, -1, said),
            ExecState::Ended => self.unknown(due, attempt, said),
            // Its container may be another run by now, in which nothing of this one may be repeated.
            ExecState::Gone if self.is_same_run(&due.run).await? => self.unknown(due, attempt, said),
            ExecState::Gone => self.ended(due, RunState::Unknown, -1, said),
        })
    }

    fn came_out(&self, due: &Due, attempt: u32, outcome: Outcome) -> Next {
        let Outcome { ending, output, is_cut: _ } = outcome;
        match ending {
            Ending::Exited(0) => self.ended(due, RunState::Ok, 0, output),
            Ending::Exited(code) => self.ended(due, RunState::Failed, code, output),
            Ending::TimedOut { is_stopped: _ } => self.ended(due, RunState::TimedOut, -1, output),
            Ending::Unknown => self.unknown(due, attempt, output),
        }
    }

    /// How a command that somebody else started ends; it has the remedy's time from now.
    async fn end_of(&self, exec: &ExecId, remedy: &Remedy) -> Result<ExecState, Error> {
        let deadline = Instant::now() + remedy.timeout;
        loop {
            let state = self.runtime.exec_state(exec).await?;
            if state != ExecState::Running || Instant::now() >= deadline {
                return Ok(state);
            }
            sleep(PAUSE).await;
        }
    }

    /// Whether the container still is in the run that is to be remedied.
    async fn is_same_run(&self, run: &Run) -> Result<bool, Error> {
        let found = self.runtime.container(run.container.as_str()).await?;
        Ok(found.is_some_and(|container| {
            container.is_running && container.started_at.as_ref() == Some(&run.started_at)
        }))
    }

    /// It was started, and nobody can tell how it ended: once more if the remedy is declared to bear it.
    fn unknown(&self, due: &Due, attempt: u32, output: String) -> Next {
        if due.remedy.idempotent && attempt < ATTEMPTS {
            info!(remedy = %due.run.remedy, attempt, "An idempotent remedy is repeated.");
            return Next::Write(Step::Claimed { attempt: attempt + 1 });
        }
        self.ended(due, RunState::Unknown, -1, output)
    }

    fn ended(&self, due: &Due, state: RunState, exit_code: i64, output: String) -> Next {
        let Due { run, name, .. } = due;
        info!(remedy = %run.remedy, %state, exit_code, "A remedy ended.");
        Next::Write(Step::Ended(Box::new(ContainerRemedied {
            node: self.connection.node().to_owned(),
            container: run.container.to_string(),
            name: name.clone(),
            started_at: run.started_at.clone(),
            ban: run.ban,
            remedy: run.remedy.clone(),
            state,
            exit_code,
            output,
            at: OffsetDateTime::now_utc(),
        })))
    }
}
