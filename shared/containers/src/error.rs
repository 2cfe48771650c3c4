//! Why a call to the container runtime failed, and whether to ask again. Not the logging of it.

use std::{path::PathBuf, time::Duration};

use crate::id::ExecId;

/// Why a call to the container runtime failed.
///
/// `subject` says what was wanted, such as `container 4f2a…`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nobody answers at the socket, or the connection broke.
    #[error("{subject}: no container runtime answers at {}; is it running?", socket.display())]
    Unreachable {
        /// What was wanted.
        subject: String,
        /// Where it was looked for.
        socket: PathBuf,
        /// Why.
        #[source]
        source: Source,
    },
    /// No answer in time.
    #[error("{subject}: the container runtime gave no answer within {} ms", limit.as_millis())]
    TimedOut {
        /// What was wanted.
        subject: String,
        /// The bound.
        limit: Duration,
    },
    /// The runtime says that it is not there.
    #[error("{subject}: the container runtime does not have it")]
    NotFound {
        /// What was wanted.
        subject: String,
    },
    /// The container is stopped, paused or on its way.
    #[error("{subject}: the container's state does not allow it: {message}")]
    NotRunning {
        /// What was wanted.
        subject: String,
        /// What the runtime said.
        message: String,
    },
    /// The command was started before, so it is not started again.
    #[error("command {exec} was started before; ask for its state instead")]
    AlreadyStarted {
        /// The command.
        exec: ExecId,
    },
    /// The runtime refused for another reason.
    #[error("{subject}: the container runtime answered {status}: {message}")]
    Refused {
        /// What was wanted.
        subject: String,
        /// Its HTTP status.
        status: u16,
        /// The beginning of what it said.
        message: String,
    },
    /// The answer is not what the protocol says.
    #[error("{subject}: the container runtime's answer can't be read: {reason}")]
    Malformed {
        /// What was wanted.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The request could not be made.
    #[error("{subject}: the request could not be made")]
    Request {
        /// What was wanted.
        subject: String,
        /// Why.
        #[source]
        source: Source,
    },
}

// What lies beneath an error of ours: erased, so that no driver's library is part of our interface.
type Source = Box<dyn std::error::Error + Send + Sync>;

impl Error {
    /// Whether the same call may succeed later with nothing changed on our side.
    pub fn is_retryable(&self) -> bool {
        match self {
            // A paused container is unpaused one day. Whoever tries again looks at the container first.
            Self::Unreachable { .. } | Self::TimedOut { .. } | Self::NotRunning { .. } => true,
            // Docker says 500 when a part of it, such as an authorization plugin, does not answer.
            Self::Refused { status, .. } => *status >= 500,
            Self::NotFound { .. }
            | Self::AlreadyStarted { .. }
            | Self::Malformed { .. }
            | Self::Request { .. } => false,
        }
    }

    /// Whether the runtime says that what was wanted is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }
}
