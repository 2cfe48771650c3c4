//! Facts about containers on nodes.

use std::{fmt, str::FromStr};

use time::OffsetDateTime;
use verdict::{Sequence, order::Name};

use crate::{field::Field, message::message};

/// How a remedy's run on one container ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// The command exited with 0.
    Ok,
    /// The command exited with something else, or could not be started.
    Failed,
    /// The command was still running at its deadline.
    TimedOut,
    /// Nobody can tell whether it ran to its end.
    Unknown,
}

message! {
    /// A container runs. By the node's agent.
    ContainerStarted {
        /// The node.
        node: String,
        /// The container's id.
        container: String,
        /// The container's name.
        name: String,
        /// The image as the container names it.
        image: String,
        /// As the runtime gives it: part of the run's identity.
        started_at: String,
        /// Bans that cover its image.
        bans: Vec<Sequence>,
    }
}

message! {
    /// A container runs no more. By the node's agent.
    ContainerStopped {
        /// The node.
        node: String,
        /// The container's id.
        container: String,
        /// When it had started.
        started_at: String,
    }
}

message! {
    /// A door stayed shut. By the gate.
    ContainerRefused {
        /// The node.
        node: String,
        /// The container's id, or `new` when it was never created.
        container: String,
        /// The image that was asked for.
        image: String,
        /// The door.
        door: String,
        /// The ban that is the reason.
        ban: Option<Sequence>,
        /// What the refused person was told.
        reason: String,
    }
}

message! {
    /// A remedy ran in a container, or could not. By the node's agent.
    ContainerRemedied {
        /// The node.
        node: String,
        /// The container's id.
        container: String,
        /// The container's name.
        name: String,
        /// When the container had started.
        started_at: String,
        /// The ban.
        ban: Sequence,
        /// The remedy.
        remedy: Name,
        /// How it ended.
        state: RunState,
        /// The command's exit code; -1 where there is none.
        exit_code: i64,
        /// What it wrote, cut at 64 KiB.
        output: String,
        /// When it ended.
        at: OffsetDateTime,
    }
}

impl RunState {
    const ALL: [Self; 4] = [Self::Ok, Self::Failed, Self::TimedOut, Self::Unknown];

    /// The word used on the wire and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::TimedOut => "timed-out",
            Self::Unknown => "unknown",
        }
    }
}

impl FromStr for RunState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no end of a run"))
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Field for RunState {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        wire.parse()
    }

    fn write(self) -> String {
        self.to_string()
    }
}
