//! Why a build did not publish: because of the team's definition, because of the orders, or because something outside failed.

use std::{io, time::Duration};

use bus::{Classify, Disposition};
use events::Malformed;

/// Between two tries of a build that something outside stopped: ten minutes in all with the queue's patience, which is longer than a
/// registry's or git host's restart.
const AGAIN: Duration = Duration::from_secs(5);

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

    /// Whether the same job may succeed later without anybody changing anything.
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Malformed(_) | Self::Refused(_) | Self::Failed { .. } => false,
            Self::UnknownProject(_) | Self::Disk { .. } => true,
            Self::Source(error) => error.is_retryable(),
            Self::Registry { source, .. } => source.is_retryable(),
            Self::Bus(error) => error.is_retryable(),
            Self::Driver(error) => error.is_retryable(),
        }
    }
}

impl Classify for Failure {
    fn disposition(&self) -> Disposition {
        if self.is_retryable() { Disposition::Retry(AGAIN) } else { Disposition::Reject }
    }
}
