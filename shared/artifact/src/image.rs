//! What is known of one image instance: enough to decide about it. Not its content.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::{
    chain::{ChainId, DiffId, chain_ids},
    digest::Digest,
    platform::Platform,
    reference::ImageRef,
};

/// The way in which one image's content enters another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BaseRole {
    /// The final stage stands on it: its layers are the image's lowest layers.
    Base,
    /// A build stage stands on it; only what is copied out of that stage stays.
    Stage,
    /// Files are copied from it (`COPY --from=image`).
    Copy,
    /// It is mounted while a step runs (`RUN --mount=from=image`).
    Mount,
    /// It interprets the definition (`# syntax=`).
    Frontend,
    /// No image: files or an archive that ADD unpacks where no image lies below, or that a trigger fetches from elsewhere.
    Add,
}

impl BaseRole {
    /// Every role, strongest tie first.
    pub const ALL: [Self; 6] = [Self::Base, Self::Copy, Self::Stage, Self::Mount, Self::Frontend, Self::Add];

    /// The word used on the wire and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Stage => "stage",
            Self::Copy => "copy",
            Self::Mount => "mount",
            Self::Frontend => "frontend",
            Self::Add => "add",
        }
    }
}

/// A role's word that is none of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; write one of base, copy, stage, mount, frontend")]
pub struct UnknownRole(pub String);

impl FromStr for BaseRole {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| UnknownRole(text.to_owned()))
    }
}

impl fmt::Display for BaseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is known of one image instance (one platform) when a verdict is asked.
///
/// Every field may be empty where the asker could not learn it; what is empty can only make a verdict stricter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// The names under which it is known, as asked and as recorded.
    pub references: Vec<ImageRef>,
    /// Every digest that identifies it: manifest, index, and configuration (Docker's image id).
    pub digests: BTreeSet<Digest>,
    /// The uncompressed layers, bottom first.
    pub layers: Vec<DiffId>,
    /// The instance's platform.
    pub platform: Option<Platform>,
    /// Names of bases that the image's labels or annotations claim: hints, which can widen a refusal and never lift one.
    pub claimed_bases: Vec<ImageRef>,
}

impl ImageFacts {
    /// The chain id of every prefix of its layers, bottom first.
    pub fn chain(&self) -> Vec<ChainId> {
        chain_ids(&self.layers)
    }

    /// The chain id of all its layers; none for an empty image.
    pub fn top(&self) -> Option<ChainId> {
        self.chain().pop()
    }

    /// Whether there is anything beyond names to decide on.
    pub fn is_resolved(&self) -> bool {
        !self.digests.is_empty() && !self.layers.is_empty()
    }
}
