//! The fold of ORDERS and RESOLUTIONS: same messages, same snapshot, in whatever way the two streams interleave.

mod ban;
pub(crate) mod catalog;
mod policy;

use std::{collections::BTreeMap, sync::Arc};

use artifact::{ImageRef, Repository, Tag};

use time::OffsetDateTime;

pub use ban::{ActiveBan, Coverage, Origin};
pub use catalog::CatalogFault;
pub use policy::{PolicyInForce, Rulebook};

use crate::{
    decide::{Door, Mode},
    order::{
        BanSelector, BanTarget, Base, CatalogSection, Exception, Hold, Name, Order, OrderRecord, Project,
        Remedy, Replacement, Sequence,
    },
    resolution::{IndexedBase, Resolution},
};

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
}

/// What the invalidator had said of an order when it was folded here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Announced {
    NotYet,
    /// By this message of RESOLUTIONS.
    Accepted(u64),
    /// For this reason.
    Rejected(String),
}

/// What folding one order did.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// It took effect.
    Accepted,
    /// It was in effect already: nothing changed.
    Unchanged,
    /// It changes nothing, for this reason.
    Rejected(Rejection),
    /// It was folded before (the stream was delivered again).
    Repeated,
}

/// Why an order changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It cannot be read.
    #[error("{0}")]
    Malformed(String),
    /// A ban names a remedy that the catalog does not declare.
    #[error("the catalog declares no remedy `{0}`; apply a `remedies` section that does, then order again")]
    UnknownRemedy(Name),
    /// A lift, remedy or closing names no ban that is active.
    #[error("no active ban {0}; `plimsoll status` lists the active ones")]
    UnknownBan(String),
    /// A ban ends before it begins.
    #[error("its expiry is past already; name a time to come, or none")]
    Expired,
    /// A project names a lint policy that is not there.
    #[error("there is no policy `{0}`; apply it first, then the project again")]
    UnknownPolicy(Name),
    /// Two projects would publish under one name, each over the other.
    #[error(
        "{image} is published by the project `{by}` already; give this one another image, or apply that one with another"
    )]
    TakenImage {
        /// The image.
        image: ImageRef,
        /// Whose it is.
        by: Name,
    },
    /// A ban's replacement is banned itself.
    #[error("the replacement {0} is banned itself; name another one, or lift that ban first")]
    BannedReplacement(ImageRef),
    /// A policy that only its evaluator reads is not sound, as the invalidator says.
    #[error("{0}")]
    Unsound(String),
    /// A section of the catalog contradicts itself, or leads where nobody may go.
    #[error(transparent)]
    Catalog(Box<CatalogFault>),
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
    pub fn rejected(&self) -> impl Iterator<Item = (Sequence, &Rejection)> {
        self.rejected.iter().map(|(sequence, rejection)| (*sequence, rejection))
    }

    /// Whether an order that the invalidator accepted, or one of its resolutions, could not be read here: whoever holds this snapshot
    /// is too old to let anything pass.
    pub fn behind(&self) -> bool {
        self.behind
    }

    /// Folds one order that could be read.
    pub fn apply(&mut self, record: &OrderRecord) -> Outcome {
        if record.sequence.0 <= self.as_of.orders {
            return Outcome::Repeated;
        }
        self.as_of.orders = record.sequence.0;
        let announced = self.take_announced(record.sequence);
        match self.fold(record, &announced) {
            Ok(changed) => {
                if changed {
                    Outcome::Accepted
                } else {
                    Outcome::Unchanged
                }
            }
            Err(rejection) => self.reject(record.sequence, rejection, &announced),
        }
    }

    /// Folds one order that could not be read, so that it is counted and never silent.
    pub fn apply_malformed(&mut self, sequence: Sequence, reason: String) -> Outcome {
        if sequence.0 <= self.as_of.orders {
            return Outcome::Repeated;
        }
        self.as_of.orders = sequence.0;
        let announced = self.take_announced(sequence);
        self.reject(sequence, Rejection::Malformed(reason), &announced)
    }

    /// Folds one message of RESOLUTIONS; `sequence` is its own place in that stream.
    pub fn resolve(&mut self, sequence: u64, resolution: Resolution) {
        if sequence <= self.as_of.resolutions {
            return;
        }
        self.as_of.resolutions = sequence;
        match resolution {
            Resolution::Indexed(base) => {
                self.indexed.insert(base.reference.clone(), base);
            }
            // What is resolved of a ban that is over already means nothing any more.
            Resolution::BanResolved(resolution)
                if resolution.ban.0 <= self.as_of.orders && !self.bans.contains_key(&resolution.ban) => {}
            Resolution::BanResolved(resolution) => {
                self.coverage.entry(resolution.ban).or_default().widen(&resolution)
            }
            Resolution::Accepted(order) if order.0 > self.as_of.orders => {
                self.announced.insert(order, Announced::Accepted(sequence));
            }
            Resolution::Accepted(order) if self.rejected.contains_key(&order) => {
                self.behind = true;
            }
            Resolution::Accepted(order) => self.accept_policy(order, sequence),
            Resolution::Rejected(order, reason) if order.0 > self.as_of.orders => {
                self.announced.insert(order, Announced::Rejected(reason));
            }
            Resolution::Rejected(order, reason) => self.reject_policy(order, reason),
        }
    }

    /// Counts a message of RESOLUTIONS that could not be read.
    pub fn miss(&mut self, sequence: u64) {
        if sequence > self.as_of.resolutions {
            self.as_of.resolutions = sequence;
            self.behind = true;
        }
    }

    /// What the invalidator had said of this order before it was folded here.
    fn take_announced(&mut self, sequence: Sequence) -> Announced {
        self.announced.remove(&sequence).unwrap_or(Announced::NotYet)
    }

    fn reject(&mut self, sequence: Sequence, rejection: Rejection, announced: &Announced) -> Outcome {
        if matches!(announced, Announced::Accepted(_)) {
            self.behind = true;
        }
        self.rejected.insert(sequence, rejection.clone());
        Outcome::Rejected(rejection)
    }

    fn fold(&mut self, record: &OrderRecord, announced: &Announced) -> Result<bool, Rejection> {
        match &record.order {
            Order::Ban(ban) => {
                if self.bans.values().any(|active| active.ban == *ban && active.holds_at(record.at)) {
                    return Ok(false);
                }
                if !ban.holds_at(record.at) {
                    return Err(Rejection::Expired);
                }
                if let Some(name) = ban.remedy.as_ref().filter(|name| !self.remedies.contains_key(name)) {
                    return Err(Rejection::UnknownRemedy(name.clone()));
                }
                if let Some(replacement) = ban
                    .replacement
                    .as_ref()
                    .filter(|image| self.bans_name(image, record.at) || ban.names(image))
                {
                    return Err(Rejection::BannedReplacement(replacement.clone()));
                }
                let remedies = ban.remedy.iter().cloned().collect();
                let active = ActiveBan { record: record.into(), ban: ban.clone(), remedies };
                self.bans.insert(record.sequence, active);
                Ok(true)
            }
            Order::Lift(lift) => {
                let ended = self.select(&lift.bans)?;
                for sequence in &ended {
                    self.bans.remove(sequence);
                    self.coverage.remove(sequence);
                }
                Ok(true)
            }
            Order::Remedy(ordered) => {
                if !self.remedies.contains_key(&ordered.remedy) {
                    return Err(Rejection::UnknownRemedy(ordered.remedy.clone()));
                }
                let ban = self
                    .bans
                    .get_mut(&ordered.ban)
                    .ok_or_else(|| Rejection::UnknownBan(ordered.ban.to_string()))?;
                Ok(ban.remedies.insert(ordered.remedy.clone()))
            }
            Order::RemedyClosed(bans) => {
                let closed = self.select(bans)?;
                self.bans
                    .iter_mut()
                    .filter(|(sequence, _)| closed.contains(sequence))
                    .for_each(|(_, ban)| ban.remedies.clear());
                Ok(true)
            }
            Order::Catalog(section) => {
                let changed = self.apply_section(section, record.at)?;
                if changed && !matches!(section, CatalogSection::Remedies(_)) {
                    self.policies.rulebook.catalog = record.sequence.0;
                }
                Ok(changed)
            }
            Order::Project(project) => {
                if let Some(policy) = project.policy.as_ref().filter(|name| !self.policies.is_named(name)) {
                    return Err(Rejection::UnknownPolicy(policy.clone()));
                }
                let same = |other: &&Project| other.name != project.name && other.image == project.image;
                if let Some(other) = self.projects.values().find(same) {
                    let (image, by) = (project.image.clone(), other.name.clone());
                    return Err(Rejection::TakenImage { image, by });
                }
                let before = self.projects.insert(project.name.clone(), project.clone());
                if before.as_ref().is_some_and(|before| before.policy != project.policy) {
                    self.policies.rulebook.catalog = record.sequence.0;
                }
                Ok(before.as_ref() != Some(project))
            }
            Order::Policy(policy) => self.propose(record, policy, announced),
        }
    }

    fn select(&self, bans: &BanSelector) -> Result<Vec<Sequence>, Rejection> {
        let selected: Vec<Sequence> = match bans {
            BanSelector::Sequence(sequence) => {
                self.bans.contains_key(sequence).then_some(*sequence).into_iter().collect()
            }
            BanSelector::Target(target) => self
                .bans
                .values()
                .filter(|ban| ban.ban.target == *target)
                .map(|ban| ban.record.sequence)
                .collect(),
        };
        if selected.is_empty() {
            let wanted = match bans {
                BanSelector::Sequence(sequence) => sequence.to_string(),
                BanSelector::Target(target) => format!("of {target}"),
            };
            return Err(Rejection::UnknownBan(wanted));
        }
        Ok(selected)
    }

    fn bans_name(&self, image: &ImageRef, at: OffsetDateTime) -> bool {
        self.bans.values().any(|active| active.holds_at(at) && active.ban.names(image))
    }
}

#[cfg(test)]
pub(crate) mod tests;
