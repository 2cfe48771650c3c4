//! Facts about builds, and the work that is released to builders.

use std::{fmt, str::FromStr};

use artifact::{BaseRole, Digest, ImageRef};
use verdict::{Sequence, order::Name};

use crate::{field::Field, message::message};

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The image stands under its tag.
    Published,
    /// It was built and pushed by digest, but the tag belongs to a build of a later push, or of the same one that was released later.
    Superseded,
    /// The definition, its bases or the result are not allowed: the team must act.
    Refused,
    /// It did not build.
    Failed,
}

message! {
    /// A definition was scanned. By the builder's worker, from the scanner's answer; by the scanner, when the catalog or the policies changed.
    ScanFinished {
        /// The build it was scanned for; empty where the rules changed.
        build: String,
        /// The project.
        project: Name,
        /// The commit.
        commit: String,
        /// sha256 of the definition's bytes.
        definition_digest: Digest,
        /// Whether the build may not go on.
        refused: bool,
        /// What was found.
        findings: Vec<Finding>,
        /// What it was judged by: [`verdict::snapshot::Rulebook::catalog`].
        catalog_revision: u64,
        /// What it was judged by: [`verdict::snapshot::Rulebook::policies`].
        policy_revision: u64,
        /// Whether the same definition was not refused before, and the rules changed.
        became_refused: bool,
    }
}

message! {
    /// One thing a scan found.
    Finding {
        /// Its line, from 1.
        line: u32,
        /// The rule.
        code: String,
        /// error, warning, info or style.
        level: String,
        /// What is wrong and what to do.
        message: String,
    }
}

message! {
    /// A build will be released when what it stands on is ready. By the planner.
    BuildQueued {
        /// The build: one a (project, commit, ban).
        build: String,
        /// The project.
        project: Name,
        /// The commit.
        commit: String,
        /// The ban that caused it; none for a push.
        ban: Option<Sequence>,
    }
}

message! {
    /// A worker took a build. By that worker.
    BuildStarted {
        /// The build.
        build: String,
        /// The project.
        project: Name,
        /// The commit.
        commit: String,
        /// The ban that caused it; none for a push.
        ban: Option<Sequence>,
    }
}

message! {
    /// A build ended. By its worker.
    BuildFinished {
        /// The build.
        build: String,
        /// The project.
        project: Name,
        /// The commit.
        commit: String,
        /// The ban that caused it; none for a push.
        ban: Option<Sequence>,
        /// How it ended.
        outcome: Outcome,
        /// What was pushed: repository and tag.
        image: Option<ImageRef>,
        /// What was pushed: the manifest.
        digest: Option<Digest>,
        /// Every image that went in.
        inputs: Vec<BuildInput>,
        /// The change that makes the source agree with what was built; empty where nothing was rewritten.
        diff: String,
        /// The definition's path, which the diff is about.
        definition: String,
        /// One sentence for the team.
        message: String,
        /// What the scan found.
        findings: Vec<Finding>,
        /// The place in SOURCES of the push that the commit came with: a tag never goes back to an earlier one. 0 where it is not known.
        pushed: u64,
    }
}

message! {
    /// An image that went into another.
    BuildInput {
        /// How its content entered.
        role: BaseRole,
        /// The definition's line that names it, from 1.
        line: u32,
        /// As the definition has it.
        written: String,
        /// What was built on, with its digest.
        used: ImageRef,
    }
}

message! {
    /// A build that a worker may take. By the planner, within its caps.
    BuildJob {
        /// The build.
        build: String,
        /// The project.
        project: Name,
        /// The commit.
        commit: String,
        /// The ban that caused it; none for a push.
        ban: Option<Sequence>,
        /// The place in SOURCES of the push that the commit came with; 0 where it is not known.
        pushed: u64,
    }
}

impl BuildJob {
    /// Work that a ban caused has its own lane, so that ordinary pushes never stand in front of it.
    pub fn lane(&self) -> &'static str {
        if self.ban.is_some() { "urgent" } else { "routine" }
    }
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Published, Self::Superseded, Self::Refused, Self::Failed];

    /// The word used on the wire and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Superseded => "superseded",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for Outcome {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|outcome| outcome.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no outcome of a build"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Field for Outcome {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        wire.parse()
    }

    fn write(self) -> String {
        self.to_string()
    }
}
