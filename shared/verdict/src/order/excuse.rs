//! What one project may do otherwise for a while: keep a version, or use a base that the catalog or a ban would refuse.

use std::fmt;

use artifact::ImageRef;
use time::OffsetDateTime;

use super::{
    ImagePattern, InvalidReplacement, Name, Sequence, Severity, WildcardPattern, replacement::LONGEST,
    shortened,
};
use crate::glob::Glob;

/// A project keeps a version: it is not swapped for another one. It opens nothing that the catalog does not list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Whose definitions it is about.
    pub project: Name,
    /// The version that stays; with a digest, that content alone.
    pub image: ImageRef,
    /// Why.
    pub reason: String,
    /// Where that was decided.
    pub ticket: String,
    /// From when on it counts for nothing.
    pub expires: OffsetDateTime,
}

/// A project may use what others may not. Somebody asked, and somebody else approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exception {
    /// Its name.
    pub name: Name,
    /// Whose definitions it is about.
    pub project: Name,
    /// The references that it opens, in full: a glob.
    pub base: BasePattern,
    /// The one ban that it is about; whatever refuses the base where none is given.
    pub ban: Option<Sequence>,
    /// The gravest ban that it reaches past; none where it is about the catalog alone.
    pub max_class: Option<Severity>,
    /// From when on it counts; from its order on where none is given.
    pub starts: Option<OffsetDateTime>,
    /// From when on it counts for nothing.
    pub ends: OffsetDateTime,
    /// Why.
    pub reason: String,
    /// Where that was decided.
    pub ticket: String,
    /// Who asked.
    pub requested_by: String,
    /// Who approved; somebody else.
    pub approved_by: String,
}

/// A glob over references in full (`docker.io/library/debian:11*`), or behind `add:` over what ADD adds where no image lies below
/// (`add:https://host.example/rootfs-*.tar.xz`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BasePattern(Opened);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Opened {
    Images(Glob),
    Added(Glob),
}

/// What begins a glob over what ADD adds. No image's pattern begins so: it would name no registry.
const ADDED: &str = "add:";

/// Why something passes that would not pass otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Excuse<'a> {
    /// The project keeps its version.
    Hold(&'a Hold),
    /// The project has an exception.
    Exception(&'a Exception),
}

impl BasePattern {
    /// The references that match `glob`.
    pub fn new(glob: &str) -> Result<Self, InvalidReplacement> {
        if let Some(added) = glob.strip_prefix(ADDED) {
            return match added {
                "" => Err(InvalidReplacement::NotFull(glob.to_owned())),
                _ if added.len() > LONGEST => Err(InvalidReplacement::TooLong),
                _ if !added.is_ascii() => Err(InvalidReplacement::Wildcard(glob.to_owned())),
                _ => Ok(Self(Opened::Added(Glob::new(added)))),
            };
        }
        match ImagePattern::wildcard(glob)? {
            ImagePattern::Wildcard(WildcardPattern(glob)) => Ok(Self(Opened::Images(glob))),
            other => Err(InvalidReplacement::Wildcard(other.to_string())),
        }
    }

    /// Whether `image` is one of them: tag and digest, as far as it has them.
    pub fn holds(&self, image: &ImageRef) -> bool {
        match &self.0 {
            Opened::Images(glob) => glob.matches(&image.to_string()),
            Opened::Added(_) => false,
        }
    }

    /// Whether it opens `source`, a file or address that ADD adds.
    pub fn holds_added(&self, source: &str) -> bool {
        match &self.0 {
            Opened::Images(_) => false,
            // A glob's time grows with what is written.
            Opened::Added(glob) => source.len() <= LONGEST && glob.matches(source),
        }
    }
}

impl Hold {
    /// Whether it is about `image` in `project` at `now`.
    pub fn holds(&self, project: &Name, image: &ImageRef, now: OffsetDateTime) -> bool {
        self.project == *project
            && now < self.expires
            && self.image.repository() == image.repository()
            && self.image.tag().is_none_or(|tag| image.tag() == Some(tag))
            && self.image.digest().is_none_or(|digest| image.digest() == Some(digest))
    }
}

impl Exception {
    /// Whether it is about `image` in `project` at `now`.
    pub fn holds(&self, project: &Name, image: &ImageRef, now: OffsetDateTime) -> bool {
        self.is_open(project, now) && self.base.holds(image)
    }

    /// Whether it is about `source`, which ADD adds where no image lies below, in `project` at `now`.
    pub fn holds_added(&self, project: &Name, source: &str, now: OffsetDateTime) -> bool {
        self.is_open(project, now) && self.ban.is_none() && self.base.holds_added(source)
    }

    fn is_open(&self, project: &Name, now: OffsetDateTime) -> bool {
        let begun = self.starts.is_none_or(|starts| starts <= now);
        self.project == *project && begun && now < self.ends
    }
}

impl fmt::Display for Excuse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(hold) => {
                let Hold { project, image, reason, ticket, expires } = hold;
                write!(
                    f,
                    "{project} keeps {image} until {} ({}: {})",
                    expires.date(),
                    shortened(ticket),
                    shortened(reason)
                )
            }
            Self::Exception(exception) => {
                let Exception { name, ends, ticket, reason, approved_by, .. } = exception;
                write!(
                    f,
                    "exception {name} until {}, approved by {} ({}: {})",
                    ends.date(),
                    shortened(approved_by),
                    shortened(ticket),
                    shortened(reason)
                )
            }
        }
    }
}
