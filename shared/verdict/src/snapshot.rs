//! What ORDERS and RESOLUTIONS folded into says: same messages, same snapshot, in whatever way the two streams interleave.

mod ban;
pub(crate) mod catalog;
mod check;
mod coverage;
mod dispute;
mod fold;
mod policy;
mod rejection;

use std::{collections::BTreeMap, sync::Arc};

use artifact::{ImageRef, Repository, Tag};

pub use ban::{ActiveBan, Origin};
pub use catalog::CatalogFault;
pub use coverage::{Cleared, Coverage, Coverages, Part, TagHistory};
pub use fold::Outcome;
pub use policy::{Absence, PolicyInForce, Rulebook};
pub use rejection::Rejection;

use crate::{
    decide::{Door, Mode},
    order::{Base, Exception, Hold, Name, Project, Remedy, Replacement, Sequence},
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
    coverages: Coverages,
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

    /// What `ban` covers: its resolutions and, for a tag, every digest that the tag is known to have had, before the ban and since, up to the one
    /// that is recorded as fixed. It only grows until the ban is lifted, ends by itself or is fixed.
    pub fn coverage(&self, ban: &ActiveBan) -> Arc<Coverage> {
        self.coverages.of(ban.record.sequence).cloned().unwrap_or_default()
    }

    /// What all bans cover.
    pub fn coverages(&self) -> &Coverages {
        &self.coverages
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
        self.coverages.tags().filter(here).filter_map(ImageRef::tag)
    }

    /// What a catalogued or banned tag pointed at when it was last read.
    pub fn indexed(&self, reference: &ImageRef) -> Option<&IndexedBase> {
        self.coverages.history(reference).and_then(TagHistory::newest)
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
