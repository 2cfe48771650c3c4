//! Facts about builds, and the work that is released to builders.

mod words;

use std::time::Duration;

use artifact::{BaseRole, Digest, ImageRef};
use time::OffsetDateTime;
use verdict::{Sequence, order::Name};

pub use self::words::{FailureClass, Lane, Outcome};
use crate::message::message;

/// Between the first two attempts at a build; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

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
        /// Which attempt at it, from 1; 0 where it is not known.
        attempt: u32,
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
        /// Which attempt at this build ended, from 1; 0 where it is not known.
        attempt: u32,
        /// Why there is no image; none where there is one.
        class: Option<FailureClass>,
        /// When the next attempt is due by itself; none where there is no next attempt.
        retry_at: Option<OffsetDateTime>,
        /// Since when it has failed for reasons that are not the team's; none where it has not.
        waits_since: Option<OffsetDateTime>,
        /// The host that did not answer, where that is the reason; else empty.
        waits_for: String,
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
        /// Which attempt at it, from 1; 0 where it is not known.
        attempt: u32,
        /// Which consumers take it.
        lane: Lane,
        /// Since when it has failed for reasons that are not the team's; none where it has not.
        waits_since: Option<OffsetDateTime>,
    }
}

/// The pause after a failed `attempt` (from 1) at `build`: it doubles from 5 s to 10 min, and differs by up to a quarter from build to build so that
/// builds that failed together are not tried together. The same for the same arguments.
pub fn retry_pause(build: &str, attempt: u32) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let pause = FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
    // FNV-1a: spread, not secrecy.
    let hash = build
        .bytes()
        .chain(attempt.to_be_bytes())
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    pause.mul_f64(0.75 + f64::from(hash % 1000) / 2000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        let seconds = |attempt| retry_pause("app-c0ffee", attempt).as_secs_f64();
        assert!((3.75..=6.25).contains(&seconds(1)) && (7.5..=12.5).contains(&seconds(2)));
        assert!((450.0..=750.0).contains(&seconds(9)) && (450.0..=750.0).contains(&seconds(u32::MAX)));
        assert_eq!(retry_pause("a", 3), retry_pause("a", 3));
        assert_ne!(retry_pause("a", 3), retry_pause("b", 3));
    }
}
