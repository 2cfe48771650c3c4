//! What is written down of a run, step by step, so that whoever comes after a crash knows what may still be done. Not the doing.
//!
//! `claimed` (nothing was prepared) → `prepared` (a command exists, and the runtime knows whether it ever started) → `ended` (this is
//! the fact) → `reported` (and it is published). Two agents that meet here by mistake both follow the entry; the runtime starts a
//! prepared command once, whoever asks.

use std::time::Duration;

use artifact::Digest;
use bus::{Entries, bucket::Claim};
use containers::ExecId;
use events::{Body as _, Malformed, Subject, fact::ContainerRemedied};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tracing::debug;

use crate::due::Run;

/// How long the broker may be away before a run is left for later: as long as a publication is tried.
const PATIENCE: Duration = Duration::from_secs(90);
const PAUSE: Duration = Duration::from_millis(250);

/// How far a run has come.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// It is ours; nothing was started by this attempt.
    Claimed {
        /// Which attempt this is, from 1.
        attempt: u32,
    },
    /// The command exists; the runtime says whether it was started.
    Prepared {
        /// Which attempt this is, from 1.
        attempt: u32,
        /// The command.
        exec: ExecId,
    },
    /// It ended like this, which may not be published yet.
    Ended(Box<ContainerRemedied>),
    /// It ended like this, and that is published.
    Reported(Box<ContainerRemedied>),
}

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The broker did not answer for too long. Retryable.
    #[error("the journal of runs cannot be used")]
    Broker(#[from] bus::Error),
    /// Somebody wrote what this version does not understand. Not retryable: what cannot be read may have run.
    #[error("the entry {key} cannot be read: {reason}; was it written by a newer agent?")]
    Unreadable {
        /// The entry.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// A step, as stored.
#[derive(Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase", deny_unknown_fields)]
enum Stored {
    Claimed { attempt: u32 },
    Prepared { attempt: u32, exec: String },
    Ended { fact: Value },
    Reported { fact: Value },
}

/// The name of a run's entry: `run.<node>.<ban>.<remedy>.<container>.<hash>`, in the characters that a key may have.
///
/// The hash tells runs of one container apart, and nodes whose names read alike once odd characters are replaced.
pub fn key(node: &str, run: &Run) -> String {
    let Run { ban, remedy, container, started_at } = run;
    let hash = Digest::of(format!("{node}\n{container}\n{started_at}").as_bytes());
    let words = [
        node.to_owned(),
        ban.to_string(),
        remedy.to_string(),
        container.to_string(),
        hash.short().to_owned(),
    ];
    Subject::of("run", &words).to_string()
}

/// The journal of one run.
#[derive(Debug)]
pub(crate) struct Journal {
    entries: Entries,
    key: String,
    revision: u64,
}

impl Journal {
    /// Opens the journal of the run at `key`: claims the run, unless somebody did before.
    pub(crate) async fn open(entries: Entries, key: String) -> Result<(Self, Step), Error> {
        let mut journal = Self { entries, key, revision: 0 };
        let first = Step::Claimed { attempt: 1 };
        let created = patiently(|| journal.entries.create(&journal.key, first.encode())).await?;
        let step = match created {
            Claim::Won(revision) => {
                journal.revision = revision;
                first
            }
            Claim::Lost => journal.read().await?,
        };
        Ok((journal, step))
    }

    /// Writes the next step down. Returns the step that stands then: this one, or what somebody else wrote before.
    pub(crate) async fn write(&mut self, step: Step) -> Result<Step, Error> {
        let value = step.encode();
        match patiently(|| self.entries.update(&self.key, value.clone(), self.revision)).await? {
            Claim::Won(revision) => {
                self.revision = revision;
                Ok(step)
            }
            // Ours too, when the broker stored it and its answer was lost.
            Claim::Lost => self.read().await,
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    async fn read(&mut self) -> Result<Step, Error> {
        let unreadable = |reason: String| Error::Unreadable { key: self.key.clone(), reason };
        let found = patiently(|| self.entries.get(&self.key)).await?;
        let (value, revision) = found.ok_or_else(|| unreadable("it was deleted".to_owned()))?;
        let step = Step::decode(&value).map_err(|error| unreadable(error.to_string()))?;
        self.revision = revision;
        Ok(step)
    }
}

impl Step {
    /// The entry's value.
    pub fn encode(&self) -> Vec<u8> {
        let stored = match self {
            Self::Claimed { attempt } => Stored::Claimed { attempt: *attempt },
            Self::Prepared { attempt, exec } => {
                Stored::Prepared { attempt: *attempt, exec: exec.to_string() }
            }
            Self::Ended(fact) => Stored::Ended { fact: json(fact) },
            Self::Reported(fact) => Stored::Reported { fact: json(fact) },
        };
        // It fails only on maps whose keys are no text, and here are none.
        serde_json::to_vec(&stored).unwrap_or_default()
    }

    /// Reads an entry's value.
    pub fn decode(value: &[u8]) -> Result<Self, Malformed> {
        let stored = serde_json::from_slice(value).map_err(|error| Malformed::Json(error.to_string()))?;
        Ok(match stored {
            Stored::Claimed { attempt } => Self::Claimed { attempt },
            Stored::Prepared { attempt, exec } => Self::Prepared {
                attempt,
                exec: exec
                    .parse()
                    .map_err(|error| Malformed::Field { field: "exec", reason: format!("{error}") })?,
            },
            Stored::Ended { fact: stored } => Self::Ended(fact(&stored)?),
            Stored::Reported { fact: stored } => Self::Reported(fact(&stored)?),
        })
    }
}

/// The fact in the form in which it is published, so that publishing it again says the same.
fn json(fact: &ContainerRemedied) -> Value {
    serde_json::from_slice(&fact.clone().encode()).unwrap_or_default()
}

fn fact(stored: &Value) -> Result<Box<ContainerRemedied>, Malformed> {
    ContainerRemedied::decode(stored.to_string().as_bytes()).map(Box::new)
}

/// Tries again while the broker is away.
async fn patiently<T, R>(mut request: impl FnMut() -> R) -> Result<T, Error>
where
    R: Future<Output = Result<T, bus::Error>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match request().await {
            Err(error) if error.is_retryable() && Instant::now() < deadline => {
                debug!(error = %telemetry::Chain(&error), "The journal is tried again.");
            }
            other => return Ok(other?),
        }
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use events::fact::RunState;
    use time::OffsetDateTime;
    use verdict::Sequence;

    use super::*;

    fn run(started_at: &str) -> Run {
        Run {
            ban: Sequence(7),
            remedy: "patch".parse().unwrap(),
            container: "4f2a".parse().unwrap(),
            started_at: started_at.to_owned(),
        }
    }

    #[track_caller]
    fn check(step: &Step) {
        assert_eq!(Step::decode(&step.encode()).unwrap(), *step);
    }

    #[test]
    fn what_is_written_is_read() {
        let fact = Box::new(ContainerRemedied {
            node: "node-1".to_owned(),
            container: "4f2a".to_owned(),
            name: "web".to_owned(),
            started_at: "2024-01-01T00:00:00.123456789Z".to_owned(),
            ban: Sequence(7),
            remedy: "patch".parse().unwrap(),
            state: RunState::TimedOut,
            exit_code: -1,
            output: "a \u{0} \"b\"\n".to_owned(),
            at: OffsetDateTime::UNIX_EPOCH,
        });
        check(&Step::Claimed { attempt: 1 });
        check(&Step::Prepared { attempt: 2, exec: "0a9f".parse().unwrap() });
        check(&Step::Ended(fact.clone()));
        check(&Step::Reported(fact));
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        for value in ["", "{}", r#"{"state":"paused"}"#, r#"{"state":"claimed","attempt":1,"exec":"x"}"#] {
            assert!(Step::decode(value.as_bytes()).is_err(), "{value}");
        }
    }

    #[test]
    fn every_run_has_a_key_of_its_own_that_the_broker_takes() {
        let mut keys = vec![
            key("node-1", &run("2024-01-01T00:00:00Z")),
            key("node-1", &run("2024-01-01T00:00:01Z")),
            key("node.1", &run("2024-01-01T00:00:00Z")),
            key("node_1", &run("2024-01-01T00:00:00Z")),
        ];
        let allowed = |c: char| c.is_ascii_alphanumeric() || "-/_=.".contains(c);
        assert!(keys.iter().all(|key| key.chars().all(allowed) && !key.contains("..")), "{keys:?}");
        assert!(keys[0].starts_with("run.node-1.7.patch.4f2a."), "{keys:?}");
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), 4);
    }
}
