//! Why a build did not publish: because of the team's definition, because of something that operations must mend, or because something did not answer.

use std::{io, time::Duration};

use artifact::Digest;
use bus::{Classify, Disposition};
use events::{Malformed, fact::FailureClass};
use verdict::{Aged, Verdict};

use super::hosts::Away;

/// Before a job goes back to the queue is taken again, where it is about a moment: orders or a scanner that lag behind.
const AGAIN: Duration = Duration::from_secs(5);

/// Before a build that a ban has overtaken begins anew: the scanner hears of that ban at about the same time.
const ANEW: Duration = Duration::from_millis(500);

/// Before a job is taken again that the broker could not be told about: with the queue's patience, half an hour in which its disk may be freed.
const BROKER: Duration = Duration::from_secs(15);

/// So often a job goes back to the queue for a moment; then its attempt has failed, and the planner decides when there is another.
const MOMENTS: u64 = 5;

/// Why a build did not publish.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The job cannot be read.
    #[error("the job cannot be read")]
    Malformed(#[source] Malformed),
    /// The orders do not know the project (yet).
    #[error("no order tells of the project {0}; apply it")]
    UnknownProject(String),
    /// The team must act: the scan, the catalog or a ban says no.
    #[error("{0}")]
    Refused(String),
    /// Operations must act: what they ordered or configured cannot be used.
    #[error("{0}")]
    Configuration(String),
    /// A ban came while it was built, and covers what it was built from: under the orders of now it may be built from something else.
    #[error("{0}")]
    Overtaken(String),
    /// What this worker knows of the orders is too old to decide on.
    #[error(
        "what this worker knows of the orders is {0}: nothing is built or published on that, and it is tried again; check the connection to NATS and that the invalidator runs"
    )]
    Stale(Aged),
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
    /// A host did not answer other builds, so this one did not wait for it.
    #[error("a host that this build needs does not answer")]
    Away(#[from] Away),
    /// The source could not be fetched.
    #[error("the source could not be fetched")]
    Source {
        /// Where from.
        host: String,
        /// Why.
        #[source]
        source: source::Error,
    },
    /// A registry did not do what it was asked.
    #[error("{doing} failed")]
    Registry {
        /// What was tried.
        doing: String,
        /// Which registry.
        host: String,
        /// Why it failed.
        #[source]
        source: registry::Error,
    },
    /// The scanner did not answer.
    #[error("the scanner did not answer")]
    Scanner(#[source] bus::Error),
    /// The broker did not answer.
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
    pub(crate) fn registry(doing: impl Into<String>, host: &str) -> impl FnOnce(registry::Error) -> Self {
        move |source| Self::Registry { doing: doing.into(), host: host.to_owned(), source }
    }

    pub(crate) fn disk(doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Disk { doing, source }
    }

    /// What became of a question to the scanner, where it is no answer: a definition that it does not take, or that no message holds, is the team's to mend.
    pub(crate) fn scan(error: bus::Error) -> Self {
        match error {
            bus::Error::Answer { message, .. } => Self::Refused(message),
            error @ bus::Error::Large { .. } => Self::too_long(&error),
            error => Self::Scanner(error),
        }
    }

    /// What became of keeping a definition.
    pub(crate) fn keep(error: bus::Error) -> Self {
        match error {
            error @ bus::Error::Large { .. } => Self::too_long(&error),
            error => Self::Bus(error),
        }
    }

    fn too_long(error: &bus::Error) -> Self {
        Self::Refused(format!("the definition cannot be scanned: {error}; make it shorter"))
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

    /// Whose the failure is.
    pub(crate) fn class(&self) -> FailureClass {
        use FailureClass::{Ours, Team, Transient};
        match self {
            Self::Refused(_) | Self::Failed { .. } => Team,
            Self::Malformed(_) | Self::Configuration(_) | Self::UnknownProject(_) | Self::Disk { .. } => Ours,
            Self::Overtaken(_)
            | Self::OtherVerdict { .. }
            | Self::Away(_)
            | Self::Scanner(_)
            | Self::Stale(_) => Transient,
            // The same bytes are too many again.
            Self::Bus(bus::Error::Large { .. }) => Team,
            Self::Bus(_) => Transient,
            Self::Source { source, .. } => of_source(source),
            Self::Registry { source, .. } => of_registry(source),
            Self::Driver(error) => of_driver(error),
        }
    }

    /// The host that did not answer, where that is the reason; and for how long it is not to be tried.
    pub(crate) fn waits_for(&self) -> Option<(&str, Duration)> {
        match self {
            Self::Away(away) => Some((&away.host, away.pause)),
            Self::Source { host, source } if source.is_silence() => Some((host, Duration::ZERO)),
            Self::Registry { host, source, .. } if source.is_silence() => Some((host, Duration::ZERO)),
            _ => None,
        }
    }

    /// After how long the same attempt begins anew, where only a moment is missing or this worker stops.
    pub(crate) fn goes_back(&self, delivery: u64) -> Option<Duration> {
        use crate::{driver, isolation};
        match self {
            // It is not this build's fault that the worker stops.
            Self::Source { source: source::Error::Cancelled { .. }, .. }
            | Self::Driver(driver::Error::Isolation(isolation::Error::Cancelled)) => Some(AGAIN),
            // What came of it could not be told either.
            Self::Bus(error) if error.is_retryable() => Some(BROKER),
            Self::Overtaken(_) if delivery <= MOMENTS => Some(ANEW),
            Self::UnknownProject(_) | Self::OtherVerdict { .. } if delivery <= MOMENTS => Some(AGAIN),
            _ => None,
        }
    }
}

fn of_source(error: &source::Error) -> FailureClass {
    use source::Error;
    match error {
        Error::NoBranch { .. } | Error::TooLarge { .. } => FailureClass::Team,
        // A mirror may lag behind its webhook.
        Error::NoCommit { .. } | Error::TimedOut { .. } | Error::Cancelled { .. } => FailureClass::Transient,
        Error::Git { .. } | Error::Unexpected { .. } => FailureClass::Transient,
        Error::Scheme { .. } | Error::NoAccess { .. } => FailureClass::Ours,
        Error::Local { .. } | Error::Credentials { .. } => FailureClass::Ours,
    }
}

fn of_registry(error: &registry::Error) -> FailureClass {
    use registry::Error;
    match error {
        Error::Unavailable { .. } | Error::Unreachable { .. } | Error::TimedOut { .. } => {
            FailureClass::Transient
        }
        // Bytes that broke on the way are whole the next time.
        Error::DigestMismatch { .. } => FailureClass::Transient,
        Error::NotFound { .. } | Error::Denied { .. } | Error::Refused { .. } => FailureClass::Ours,
        Error::Config { .. } | Error::Setup { .. } | Error::UntrustedRealm { .. } => FailureClass::Ours,
        Error::TooLarge { .. } | Error::Malformed { .. } | Error::Layout { .. } => FailureClass::Ours,
    }
}

fn of_driver(error: &crate::driver::Error) -> FailureClass {
    use crate::{driver::Error, isolation, layout};
    match error {
        Error::Request(_) | Error::Failed { .. } => FailureClass::Team,
        Error::Prepare(_) => FailureClass::Ours,
        // A build at its limit will be there again.
        Error::Isolation(
            isolation::Error::TimedOut(_)
            | isolation::Error::Memory(_)
            | isolation::Error::Processes(_)
            | isolation::Error::Disk { .. },
        ) => FailureClass::Team,
        Error::Isolation(isolation::Error::Cancelled) => FailureClass::Transient,
        Error::Isolation(_) | Error::Layout(layout::Error::File { .. }) => FailureClass::Ours,
        Error::Layout(_) => FailureClass::Team,
    }
}

impl Classify for Failure {
    fn disposition(&self) -> Disposition {
        // Only what goes back is left to the queue, and a job that cannot be read; all else is told as the end of an attempt.
        self.goes_back(1).map_or(Disposition::Reject, Disposition::Retry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_that_no_message_holds_is_the_teams_to_mend() {
        let large = bus::Error::Large { what: "the question".to_owned(), size_bytes: 7, limit_bytes: 5 };
        let failure = Failure::scan(large);
        assert!(failure.is_refusal() && failure.class() == FailureClass::Team, "{failure}");
        assert!(failure.to_string().contains("the question has 7 bytes"), "{failure}");
        let (subject, message) = ("s".to_owned(), "too slow".to_owned());
        let failure = Failure::scan(bus::Error::Unanswered { subject, message });
        assert_eq!((failure.class(), failure.goes_back(1)), (FailureClass::Transient, None));
    }

    #[track_caller]
    fn check(source: registry::Error, class: FailureClass, waits: bool) {
        let failure = Failure::registry("reading", "r.test")(source);
        assert_eq!((failure.class(), failure.waits_for().is_some()), (class, waits), "{failure:?}");
        assert_eq!(failure.goes_back(1), None);
    }

    #[test]
    fn what_a_registry_says_has_its_class() {
        let subject = || "manifest".to_owned();
        check(registry::Error::NotFound { subject: subject() }, FailureClass::Ours, false);
        check(
            registry::Error::Denied { subject: subject(), host: "r.test".to_owned() },
            FailureClass::Ours,
            false,
        );
        check(
            registry::Error::Unavailable { subject: subject(), status: 500 },
            FailureClass::Transient,
            false,
        );
        let limit = Duration::from_secs(1);
        check(registry::Error::TimedOut { subject: subject(), limit }, FailureClass::Transient, true);
    }

    #[test]
    fn what_lacks_only_a_moment_goes_back_a_few_times() {
        let failure = Failure::Overtaken("a ban".to_owned());
        assert_eq!((failure.goes_back(1), failure.goes_back(MOMENTS + 1)), (Some(ANEW), None));
        assert_eq!(failure.class(), FailureClass::Transient);
    }
}
