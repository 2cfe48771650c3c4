//! Why a build did not publish: because of the team's definition, because of the orders, or because something outside failed.

use std::{io, time::Duration};

use artifact::Digest;
use bus::{Classify, Disposition};
use events::Malformed;
use verdict::Verdict;

/// Between two tries of a build that something outside stopped: ten minutes in all with the queue's patience, which is longer than a
/// registry's or git host's restart.
const AGAIN: Duration = Duration::from_secs(5);

/// Before a build that a ban has overtaken begins anew: the scanner hears of that ban at about the same time.
const ANEW: Duration = Duration::from_millis(500);

/// Why a build did not publish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The job cannot be read.
    #[error("the job cannot be read")]
    Malformed(#[source] Malformed),
    /// The orders do not know the project (yet).
    #[error("no order tells of the project {0}; apply it")]
    UnknownProject(String),
    /// The team or operations must act: the scan, the catalog or a ban says no.
    #[error("{0}")]
    Refused(String),
    /// A ban came while it was built, and covers what it was built from: under the orders of now it may be built from something else.
    #[error("{0}")]
    Overtaken(String),
    /// The scanner's verdict is about another definition than the one that would be built.
    #[error(
        "the scanner's verdict is about {}, and what would be built is {built}: it is asked again; are scanners and workers of one version?",
        judged.as_ref().map_or_else(|| "a definition that it does not name".to_owned(), ToString::to_string)
    )]
    OtherVerdict {
        /// What was judged.
        judged: Option<Digest>,
        /// What would be built.
        built: Digest,
    },
    /// The definition does not build.
    #[error("{message}")]
    Failed {
        /// For the team.
        message: String,
    },
    /// The source could not be fetched.
    #[error("the source could not be fetched")]
    Source(#[from] source::Error),
    /// A registry did not do what it was asked.
    #[error("{doing} failed")]
    Registry {
        /// What was tried.
        doing: String,
        /// Why it failed.
        #[source]
        source: registry::Error,
    },
    /// The scanner or the broker did not answer.
    #[error("the bus did not answer")]
    Bus(#[from] bus::Error),
    /// The build's own disk failed.
    #[error("{doing} failed")]
    Disk {
        /// What was tried.
        doing: &'static str,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// The build could not be carried out.
    #[error("the build could not be carried out")]
    Driver(#[from] crate::driver::Error),
}

impl Failure {
    pub(crate) fn registry(doing: impl Into<String>) -> impl FnOnce(registry::Error) -> Self {
        |source| Self::Registry { doing: doing.into(), source }
    }

    pub(crate) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, source }
    }

    /// What became of a question to the scanner, where it is no answer: a definition that it does not take, or that no message holds, is the team's to mend.
    pub(crate) fn scan(error: bus::Error) -> Self {
        match error {
            bus::Error::Answer { message, .. } => Self::Refused(message),
            error @ bus::Error::Large { .. } => {
                Self::Refused(format!("the definition cannot be scanned: {error}; make it shorter"))
            }
            error => Self::Bus(error),
        }
    }

    /// A refusal by a verdict, of a build whose bases were chosen when `as_of` orders were known: what was ordered since is no fault of it.
    pub(crate) fn verdict(text: String, verdict: &Verdict, as_of: u64) -> Self {
        match &verdict.ban {
            Some(ban) if ban.origin.sequence.0 > as_of => Self::Overtaken(text),
            Some(_) | None => Self::Refused(text),
        }
    }

    /// Whether the answer is no, and not that something broke.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Overtaken(_))
    }

    /// Whether the same job may succeed later without anybody changing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Refused(_) | Self::Failed { .. } => false,
            Self::UnknownProject(_) | Self::Overtaken(_) | Self::Disk { .. } | Self::OtherVerdict { .. } => {
                true
            }
            Self::Source(error) => error.is_retryable(),
            Self::Registry { source, .. } => source.is_retryable(),
            Self::Bus(error) => error.is_retryable(),
            Self::Driver(error) => error.is_retryable(),
        }
    }
}

impl Classify for Failure {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Overtaken(_) => Disposition::Retry(ANEW),
            failure if failure.is_retryable() => Disposition::Retry(AGAIN),
            _ => Disposition::Reject,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_that_no_message_holds_is_the_teams_to_mend() {
        let large = bus::Error::Large { what: "the question".to_owned(), size_bytes: 7, limit_bytes: 5 };
        let failure = Failure::scan(large);
        assert!(failure.is_refusal() && !failure.is_retryable(), "{failure}");
        assert!(failure.to_string().contains("the question has 7 bytes"), "{failure}");
        let (subject, message) = ("s".to_owned(), "too slow".to_owned());
        assert!(Failure::scan(bus::Error::Unanswered { subject, message }).is_retryable());
    }
}
