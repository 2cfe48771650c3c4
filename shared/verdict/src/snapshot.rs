//! What ORDERS and RESOLUTIONS folded into says: same messages, same snapshot, in whatever way the two streams interleave.

mod ban;
pub(crate) mod catalog;
mod check;
mod dispute;
mod fold;
mod policy;
mod rejection;

use std::{collections::BTreeMap, sync::Arc};

use artifact::{ImageRef, Repository, Tag};

pub use ban::{ActiveBan, Coverage, Origin};
pub use catalog::CatalogFault;
pub use fold::Outcome;
pub use policy::{Absence, PolicyInForce, Rulebook};
pub use rejection::Rejection;

use crate::{
    decide::{Door, Mode},
    order::{BanTarget, Base, Exception, Hold, Name, Project, Remedy, Replacement, Sequence},
    resolution::IndexedBase,
};

use dispute::Dispute;
use fold::Announced;
use policy::Policies;

/// How far a snapshot has read: the last sequence of each stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct AsOf {
    /// Last sequence of ORDERS.
    pub orders: u64,
    /// Last sequence of RESOLUTIONS.
    pub resolutions: u64,
}

/// Everything that operators decided and what it means, up to [`AsOf`].
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Snapshot {
    as_of: AsOf,
    bans: BTreeMap<Sequence, ActiveBan>,
    bases: BTreeMap<Repository, Base>,
    remedies: BTreeMap<Name, Remedy>,
    doors: BTreeMap<Door, Mode>,
    replacements: Vec<Replacement>,
    holds: Vec<Hold>,
    exceptions: Vec<Exception>,
    projects: BTreeMap<Name, Project>,
    policies: Policies,
    indexed: BTreeMap<ImageRef, IndexedBase>,
    /// Kept apart from the bans, since a resolution may arrive before its order where the two streams are mirrored.
    coverage: BTreeMap<Sequence, Coverage>,
    rejected: BTreeMap<Sequence, Rejection>,
    /// Whether something that is in force could not be read here.
    behind: bool,
    /// What the invalidator said of orders before they were folded here.
    announced: BTreeMap<Sequence, Announced>,
    /// Orders that are rejected here, of which the invalidator may say otherwise.
    dispute: Option<Box<Dispute>>,
}

impl Snapshot {
    /// How far this snapshot has read.
    pub fn as_of(&self) -> AsOf {
        self.as_of
    }

    /// Every ban that was not lifted, oldest first; expiry is the asker's to check, since it needs a clock.
    pub fn bans(&self) -> impl Iterator<Item = &ActiveBan> {
        self.bans.values()
    }

    /// One ban, while it is active.
    pub fn ban(&self, sequence: Sequence) -> Option<&ActiveBan> {
        self.bans.get(&sequence)
    }

    /// What `ban` covers: its resolutions and, for a tag, what the catalog's index says of that tag now. What the tag pointed at
    /// when it was banned stays covered by the resolution.
    pub fn coverage(&self, ban: &ActiveBan) -> Coverage {
        let mut coverage = self.coverage.get(&ban.record.sequence).cloned().unwrap_or_default();
        match &ban.ban.target {
            BanTarget::Digest(_, digest) => {
                coverage.digests.insert(digest.clone());
            }
            BanTarget::Tag(repository, tag) => {
                if let Some(indexed) = self.indexed.get(&repository.at_tag(tag.clone())) {
                    coverage.digests.extend(indexed.digests.iter().cloned());
                    coverage.chains.extend(indexed.chains.iter().cloned());
                    coverage.complete = true;
                }
            }
            BanTarget::Layer(_) => coverage.complete = true,
        }
        coverage
    }

    /// The catalogued bases.
    pub fn bases(&self) -> impl Iterator<Item = &Base> {
        self.bases.values()
    }

    /// The catalogued base that lives in `repository`.
    pub fn base(&self, repository: &Repository) -> Option<&Base> {
        self.bases.get(repository)
    }

    /// The tags of `repository` that have been read.
    pub fn indexed_tags(&self, repository: &Repository) -> impl Iterator<Item = &Tag> {
        let here = move |image: &&ImageRef| image.repository() == repository;
        self.indexed.keys().filter(here).filter_map(ImageRef::tag)
    }

    /// What a catalogued tag pointed at when it was last read.
    pub fn indexed(&self, reference: &ImageRef) -> Option<&IndexedBase> {
        self.indexed.get(reference)
    }

    /// A declared remedy.
    pub fn remedy(&self, name: &Name) -> Option<&Remedy> {
        self.remedies.get(name)
    }

    /// The mode of `door`: observe, unless the catalog says otherwise.
    pub fn mode(&self, door: Door) -> Mode {
        self.doors.get(&door).copied().unwrap_or(Mode::Observe)
    }

    /// The projects, by name.
    pub fn projects(&self) -> impl Iterator<Item = &Project> {
        self.projects.values()
    }

    /// One project.
    pub fn project(&self, name: &Name) -> Option<&Project> {
        self.projects.get(name)
    }

    /// One policy that holds.
    pub fn policy(&self, name: &Name) -> Option<&Arc<PolicyInForce>> {
        self.policies.get(name)
    }

    /// Every policy that holds, by name.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<PolicyInForce>> {
        self.policies.all()
    }

    /// The orders that changed nothing, with the reasons.
    pub fn rejected(&self) -> impl DoubleEndedIterator<Item = (Sequence, &Rejection)> {
        self.rejected.iter().map(|(sequence, rejection)| (*sequence, rejection))
    }

    /// Whether an order that the invalidator accepted, or one of its resolutions, could not be read here: whoever holds this snapshot
    /// is too old to let anything pass.
    pub fn behind(&self) -> bool {
        self.behind
    }
}

#[cfg(test)]
pub(crate) mod tests;
