//! The rule that decided about a FROM, so that whoever is told can look it up.

use std::fmt;

use artifact::Repository;

use crate::order::{Name, Sequence};

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromRule {
    /// An entry of the catalog, and the part of it that means the version.
    Catalog(Repository, String),
    /// It is published by this project of ours.
    Project(Name),
    /// A replacement rule.
    Replacement(Name),
    /// A project keeps its version; until when and why.
    Hold(Name, String),
    /// An exception; until when and why.
    Exception(Name, String),
    /// A ban.
    Ban(Sequence),
    /// No rule means it.
    NotListed,
    /// What cannot be told cannot be in the catalog.
    Unresolved,
    /// What is added comes from no image.
    Added,
}

impl fmt::Display for FromRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Catalog(repository, part) => write!(f, "catalog entry {repository}, {part}"),
            Self::Project(project) => write!(f, "published by project {project}"),
            Self::Replacement(rule) => write!(f, "replacement rule {rule}"),
            Self::Hold(_, text) => write!(f, "hold: {text}"),
            Self::Exception(_, text) => f.write_str(text),
            Self::Ban(sequence) => write!(f, "ban {sequence}"),
            Self::Unresolved => f.write_str("which image it is cannot be told"),
            Self::Added => f.write_str("what comes from no image is in no catalog"),
            Self::NotListed => f.write_str("no rule of the catalog means it"),
        }
    }
}
