//! Why a call to a registry failed, and whether to ask again. Not the logging of it.

use std::{io, path::PathBuf, time::Duration};

use artifact::Digest;

/// Why a call to a registry failed.
///
/// `subject` says what was wanted, such as ``manifest r.example.com/team/app:1``. No credential, no user info and no
/// signed address is ever in a message.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration can't be used.
    #[error("the registry configuration has mistakes: {}", mistakes.join("; "))]
    Config {
        /// All of them, each with its key and a way out.
        mistakes: Vec<String>,
    },
    /// The HTTP client could not be made.
    #[error("the HTTP client could not be set up")]
    Setup {
        /// Why.
        #[source]
        source: Source,
    },
    /// The registry says that it is not there.
    #[error("{subject}: the registry does not have it")]
    NotFound {
        /// What was wanted.
        subject: String,
    },
    /// The registry does not let us.
    #[error("{subject}: the registry does not let us; check the credentials configured for {host}")]
    Denied {
        /// What was wanted.
        subject: String,
        /// Whose credentials to look at.
        host: String,
    },
    /// The registry sends our credentials to a place where they must not go.
    #[error(
        "{host} wants its tokens asked for at {realm}, which is not https; list that host as insecure if it may be"
    )]
    UntrustedRealm {
        /// The registry.
        host: String,
        /// Scheme and host of the place.
        realm: String,
    },
    /// The registry is overloaded or broken for now.
    #[error("{subject}: the registry answered {status}")]
    Unavailable {
        /// What was wanted.
        subject: String,
        /// 408, 429 or 5xx.
        status: u16,
    },
    /// No connection, or it broke.
    #[error("{subject}: the registry could not be reached")]
    Unreachable {
        /// What was wanted.
        subject: String,
        /// Why.
        #[source]
        source: Source,
    },
    /// No answer in time.
    #[error("{subject}: no answer within {} ms", limit.as_millis())]
    TimedOut {
        /// What was wanted.
        subject: String,
        /// The bound.
        limit: Duration,
    },
    /// The registry refused for another reason.
    #[error("{subject}: the registry answered {status}: {message}")]
    Refused {
        /// What was wanted.
        subject: String,
        /// Its HTTP status.
        status: u16,
        /// The beginning of what it said.
        message: String,
    },
    /// The content is not what its digest promises.
    #[error("{subject}: content has digest {actual} where {expected} was promised")]
    DigestMismatch {
        /// What was wanted.
        subject: String,
        /// What was promised.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// There is more of it than we read.
    #[error("{subject}: larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was wanted.
        subject: String,
        /// The bound.
        limit_bytes: u64,
    },
    /// It can't be read without guessing.
    #[error("{subject}: {reason}")]
    Malformed {
        /// What was wanted.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of an OCI layout could not be read or written.
    #[error("the image layout's file {} could not be {doing}", path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// `read` or `written`.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

// What lies beneath an error of ours: erased, so that no HTTP library is part of our interface.
type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether the same call may succeed later with nothing changed on our side.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { .. } | Self::Unreachable { .. } | Self::TimedOut { .. } => true,
            Self::Config { .. }
            | Self::Setup { .. }
            | Self::NotFound { .. }
            | Self::Denied { .. }
            | Self::UntrustedRealm { .. }
            | Self::Refused { .. }
            | Self::DigestMismatch { .. }
            | Self::TooLarge { .. }
            | Self::Malformed { .. }
            | Self::Layout { .. } => false,
        }
    }

    /// Whether the registry did not answer at all.
    pub fn is_silence(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::TimedOut { .. })
    }

    /// Whether the registry says that what was wanted is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub(crate) fn malformed(subject: &str, reason: impl Into<String>) -> Self {
        Self::Malformed { subject: subject.to_owned(), reason: reason.into() }
    }

    pub(crate) fn unreadable(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Layout { path: path.into(), doing: "read", source }
    }

    pub(crate) fn unwritable(path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Layout { path: path.into(), doing: "written", source }
    }
}
