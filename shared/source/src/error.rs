//! Why a source could not be had, told apart by what git says. Not the steps that fail: see the parent.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::{Branch, Commit, GitUrl};

/// Why a source could not be had.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration does not allow this transport.
    #[error("{url} is refused: the transport `{}` is not among the configured schemes", url.scheme().as_str())]
    Scheme {
        /// What was asked.
        url: GitUrl,
    },
    /// Nobody has a branch of that name.
    #[error("{url} has no branch {branch}")]
    NoBranch {
        /// Where it was looked for.
        url: GitUrl,
        /// What was looked for.
        branch: Branch,
    },
    /// The repository has no such commit, or does not hand it out.
    #[error("{url} does not hand out commit {commit}; was it pushed to a branch?")]
    NoCommit {
        /// Where it was looked for.
        url: GitUrl,
        /// What was looked for.
        commit: Commit,
    },
    /// The repository is not there or not for us; hosts do not tell the two apart.
    #[error("{url} is not there or not open to us: {said}")]
    NoAccess {
        /// What was asked.
        url: GitUrl,
        /// What git said last.
        said: String,
    },
    /// More than the limit in bytes or files.
    #[error("{url} is too large: {what}")]
    TooLarge {
        /// What was asked.
        url: GitUrl,
        /// Which limit, and what was found.
        what: String,
    },
    /// The time is up.
    #[error("{url} did not answer in full within {limit:?}")]
    TimedOut {
        /// What was asked.
        url: GitUrl,
        /// The time that was given.
        limit: Duration,
    },
    /// Told to stop.
    #[error("stopped while reading {url}")]
    Cancelled {
        /// What was asked.
        url: GitUrl,
    },
    /// Anything else that git says.
    #[error("{doing} {url} failed: {said}")]
    Git {
        /// The step.
        doing: &'static str,
        /// What was asked.
        url: GitUrl,
        /// What git said last.
        said: String,
    },
    /// What git printed is not what it prints.
    #[error("git said something unexpected while {doing} {url}")]
    Unexpected {
        /// The step.
        doing: &'static str,
        /// What was asked.
        url: GitUrl,
    },
    /// The configured file of credentials holds a line that is none. The line is not repeated.
    #[error("{file}, line {line}: {reason}; write one https://USER:PASSWORD@HOST/PATH a line", file = file.display())]
    Credentials {
        /// The file.
        file: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// This machine failed us.
    #[error("{doing} failed on this machine")]
    Local {
        /// The step.
        doing: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// Whether the host did not answer at all, as far as git tells it.
    pub fn is_silence(&self) -> bool {
        const SILENCE: [&str; 6] = [
            "Connection refused",
            "Connection timed out",
            "Could not resolve",
            "Failed to connect",
            "unable to connect",
            "No route to host",
        ];
        match self {
            Self::TimedOut { .. } => true,
            Self::Git { said, .. } => SILENCE.iter().any(|words| said.contains(words)),
            Self::Scheme { .. } | Self::NoBranch { .. } | Self::NoCommit { .. } | Self::NoAccess { .. } => {
                false
            }
            Self::TooLarge { .. } | Self::Cancelled { .. } | Self::Unexpected { .. } => false,
            Self::Local { .. } | Self::Credentials { .. } => false,
        }
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            // A mirror may lag behind its webhook.
            Self::NoCommit { .. } | Self::TimedOut { .. } | Self::Cancelled { .. } => true,
            Self::Git { .. } | Self::Unexpected { .. } | Self::Local { .. } => true,
            // Operations mend the file while the service runs.
            Self::Credentials { .. } => true,
            Self::Scheme { .. } | Self::NoBranch { .. } | Self::NoAccess { .. } | Self::TooLarge { .. } => {
                false
            }
        }
    }
}

/// Tells by git's words whether trying again could help.
pub(super) fn failure(doing: &'static str, url: GitUrl, said: &str) -> Error {
    const NO_ACCESS: [&str; 9] = [
        "Authentication failed",
        "could not read Username",
        "could not read Password",
        "Permission denied",
        "Repository not found",
        "' not found",
        "error: 403",
        "does not appear to be a git repository",
        "Host key verification failed",
    ];
    let last = last_lines(said);
    match NO_ACCESS.iter().any(|words| said.contains(words)) {
        true => Error::NoAccess { url, said: last },
        false => Error::Git { doing, url, said: last },
    }
}

pub(super) fn missing(error: Error, url: &GitUrl, commit: &Commit) -> Error {
    const NO_COMMIT: [&str; 3] = ["not our ref", "unadvertised object", "couldn't find remote ref"];
    match error {
        Error::Git { said, .. } if NO_COMMIT.iter().any(|words| said.contains(words)) => {
            Error::NoCommit { url: url.clone(), commit: commit.clone() }
        }
        error => error,
    }
}

/// The end of what git said, without control characters: it may repeat what a server sent.
fn last_lines(said: &str) -> String {
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join("; ");
    last.chars().filter(|c| !c.is_control()).take(500).collect()
}
