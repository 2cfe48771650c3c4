//! The catalog's sections: what operators allow, and what they keep ready. Not what follows from them for one reference (see `from`).

use std::{collections::BTreeMap, fmt, time::Duration};

use artifact::{Repository, Tag};

use super::{Exception, Hold, Name, Replacement};
use crate::{
    decide::{Door, Mode},
    version::{Majors, VersionRule},
};

/// One section of the catalog, replaced as a whole.
#[derive(Debug, Clone, PartialEq)]
pub enum CatalogSection {
    /// The bases that are allowed.
    Bases(Vec<Base>),
    /// The remedies that bans may name.
    Remedies(Vec<Remedy>),
    /// How strict each door is.
    Doors(BTreeMap<Door, Mode>),
    /// Which catalogued images take the place of others.
    Replacements(Vec<Replacement>),
    /// The versions that projects keep.
    Holds(Vec<Hold>),
    /// What projects may do that others may not.
    Exceptions(Vec<Exception>),
}

/// A catalogued base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// Where it lives.
    pub repository: Repository,
    /// The version to use; always allowed.
    pub current: Tag,
    /// Other versions that may be used as written.
    pub allowed: Vec<VersionRule>,
    /// Versions that are swapped for a newer one on the way.
    pub outdated: Vec<VersionRule>,
    /// Whether a swap may lead to another major version.
    pub majors: Majors,
    /// Whether a swap may lead to an older version.
    pub downgrades: Downgrades,
    /// Whether the source is to name digests.
    pub pins: Pins,
}

/// Whether a swap may lead to an older version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Downgrades {
    /// It may not.
    Refused,
    /// It may: the newer versions are the broken ones.
    Allowed,
}

/// What a reference in the source should say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pins {
    /// The tag; a digest where there was one.
    AsWritten,
    /// The tag with the digest that it has now.
    Digest,
}

/// What the catalog says of one version, and the rule by which it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing<'a> {
    /// The version to use.
    Current,
    /// It may be used as written.
    Allowed(&'a VersionRule),
    /// It is swapped for a newer one.
    Outdated(&'a VersionRule),
    /// No rule means it.
    Unlisted,
}

/// A command for running containers, declared before it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// Its name.
    pub name: Name,
    /// The command, argument by argument; no shell reads it.
    pub argv: Vec<String>,
    /// The user inside the container; the image's own where none is given.
    pub user: Option<String>,
    /// How long one run may take.
    pub timeout: Duration,
    /// Whether a run whose end is unknown may be repeated.
    pub idempotent: bool,
}

impl Base {
    /// A base with one version, and nothing else allowed.
    pub fn new(repository: Repository, current: Tag) -> Self {
        Self {
            repository,
            current,
            allowed: Vec::new(),
            outdated: Vec::new(),
            majors: Majors::Kept,
            downgrades: Downgrades::Refused,
            pins: Pins::AsWritten,
        }
    }

    /// Every version that the catalog names, whatever it says of it; those that a range or glob means are not named.
    pub fn tags(&self) -> impl Iterator<Item = &Tag> {
        let rules = self.allowed.iter().chain(&self.outdated);
        std::iter::once(&self.current).chain(rules.filter_map(VersionRule::tag))
    }

    /// What it says of `tag`. A version that is named stands before one that is only meant, and outdated before allowed.
    pub fn standing(&self, tag: &Tag) -> Standing<'_> {
        if *tag == self.current {
            return Standing::Current;
        }
        let named = self.allowed.iter().find(|rule| rule.tag() == Some(tag));
        let found = |rules: &[VersionRule]| rules.iter().position(|rule| rule.holds(tag));
        if let Some(rule) = named {
            Standing::Allowed(rule)
        } else if let Some(rule) = found(&self.outdated).and_then(|at| self.outdated.get(at)) {
            Standing::Outdated(rule)
        } else if let Some(rule) = found(&self.allowed).and_then(|at| self.allowed.get(at)) {
            Standing::Allowed(rule)
        } else {
            Standing::Unlisted
        }
    }

    /// Whether `tag` may be used as written.
    pub fn allows(&self, tag: &Tag) -> bool {
        matches!(self.standing(tag), Standing::Current | Standing::Allowed(_))
    }
}

impl fmt::Display for Standing<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Current => f.write_str("current"),
            Self::Allowed(rule) => write!(f, "allowed {rule}"),
            Self::Outdated(rule) => write!(f, "outdated {rule}"),
            Self::Unlisted => f.write_str("unlisted"),
        }
    }
}
