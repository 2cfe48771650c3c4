//! Which base does this FROM get? The catalog's answer for one reference in one definition.

use std::fmt;

use artifact::{ImageFacts, ImageRef};
use time::OffsetDateTime;

use crate::{
    decide::{Decision, Door, Rule, decide},
    snapshot::Snapshot,
};

/// What the catalog makes of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseChoice {
    /// It stays as written.
    Keep,
    /// Another version is built on instead.
    Replace {
        /// The version to build on.
        with: ImageRef,
        /// Why, for the team.
        why: String,
    },
    /// The build is refused.
    Refuse {
        /// Why.
        why: String,
        /// The nearest base that is allowed.
        nearest: Option<ImageRef>,
    },
}

/// Chooses the base for a reference as written.
///
/// A base is allowed when the catalog lists its repository and version, or when it is published by a project of ours (an image that
/// the pipeline itself judged). A banned or outdated version is replaced where a way is known, else refused; nothing outside the
/// catalog passes. An empty catalog allows nothing.
pub fn choose_base(snapshot: &Snapshot, written: &ImageRef, now: OffsetDateTime) -> BaseChoice {
    let named = ImageFacts { references: vec![written.clone()], ..ImageFacts::default() };
    // Only what the name itself tells counts here; the layers are judged when the image has been read.
    let verdict = decide(snapshot, &named, Door::From, now);
    let banned = matches!(verdict.rule, Rule::Banned(_)) && verdict.strict == Decision::Refuse;
    let ours = snapshot.projects().any(|project| project.image.repository() == written.repository());
    let Some(base) = snapshot.base(written.repository()) else {
        return match (banned, ours) {
            (false, true) => BaseChoice::Keep,
            (true, _) => {
                replace_or_refuse(snapshot, written, verdict.replacement.clone(), verdict.to_string(), now)
            }
            (false, false) => BaseChoice::Refuse {
                why: format!("{written} is not in the catalog"),
                nearest: nearest(snapshot, written, now),
            },
        };
    };
    let current = base.repository.at_tag(base.current.clone());
    if banned {
        let replacement = verdict.replacement.clone().or(Some(current));
        return replace_or_refuse(snapshot, written, replacement, verdict.to_string(), now);
    }
    match written.tag() {
        Some(tag) if *tag == base.current || base.allowed.contains(tag) => BaseChoice::Keep,
        Some(tag) if base.outdated.contains(tag) => {
            let why = format!("{tag} is outdated; the catalog's current version is {}", base.current);
            replace_or_refuse(snapshot, written, Some(current), why, now)
        }
        Some(tag) => BaseChoice::Refuse {
            why: format!("version {tag} of {} is not in the catalog", base.repository),
            nearest: Some(current).filter(|image| !is_banned(snapshot, image, now)),
        },
        None => BaseChoice::Refuse {
            why: format!(
                "{written} is pinned by digest alone, which the catalog cannot place; name its version too"
            ),
            nearest: Some(current).filter(|image| !is_banned(snapshot, image, now)),
        },
    }
}

fn replace_or_refuse(
    snapshot: &Snapshot,
    written: &ImageRef,
    with: Option<ImageRef>,
    why: String,
    now: OffsetDateTime,
) -> BaseChoice {
    match with.filter(|image| image != written && !is_banned(snapshot, image, now)) {
        Some(with) => BaseChoice::Replace { with, why },
        None => BaseChoice::Refuse { why, nearest: nearest(snapshot, written, now) },
    }
}

fn is_banned(snapshot: &Snapshot, image: &ImageRef, now: OffsetDateTime) -> bool {
    snapshot.bans().any(|ban| ban.holds_at(now) && ban.ban.names(image))
}

/// The allowed base whose repository is spelt most like the written one.
fn nearest(snapshot: &Snapshot, written: &ImageRef, now: OffsetDateTime) -> Option<ImageRef> {
    let wanted = written.repository().path().to_owned();
    snapshot
        .bases()
        .map(|base| base.repository.at_tag(base.current.clone()))
        .filter(|image| !is_banned(snapshot, image, now))
        .max_by_key(|image| likeness(image.repository().path(), &wanted))
}

/// How alike two paths are: shared components weigh most, then the shared beginning of the last component.
fn likeness(one: &str, other: &str) -> usize {
    let shared = one.split('/').filter(|part| other.split('/').any(|word| word == *part)).count();
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let start = last(one).bytes().zip(last(other).bytes()).take_while(|(a, b)| a == b).count();
    shared * 256 + start
}

impl fmt::Display for BaseChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keep => f.write_str("allowed"),
            Self::Replace { with, why } => write!(f, "built on {with} instead: {why}"),
            Self::Refuse { why, nearest: Some(nearest) } => {
                write!(f, "{why}; the nearest allowed base is {nearest}")
            }
            Self::Refuse { why, nearest: None } => write!(f, "{why}; the catalog allows no base yet"),
        }
    }
}

#[cfg(test)]
mod tests;
