//! Messages into the snapshot, one at a time. Not what a section of the catalog or a policy is: those fold in files of their own.

use artifact::ImageRef;
use time::OffsetDateTime;

use super::{ActiveBan, Rejection, Snapshot};
use crate::{
    order::{BanSelector, CatalogSection, Order, OrderRecord, Project, Sequence},
    resolution::Resolution,
};

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

/// What the invalidator had said of an order when it was folded here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Announced {
    NotYet,
    /// By this message of RESOLUTIONS.
    Accepted(u64),
    /// For this reason.
    Rejected(String),
}

impl Snapshot {
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
