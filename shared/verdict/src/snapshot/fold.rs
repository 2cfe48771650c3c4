//! Messages into the snapshot, one at a time. Not whether an order is sound (`check`), and not what sections of the catalog and policies are: those fold in
//! files of their own.

use super::{ActiveBan, Rejection, Snapshot, dispute::Read};
use crate::{
    order::{CatalogSection, Fixed, Order, OrderRecord, Sequence},
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
        self.apply_order(record, None)
    }

    /// Folds one order that could be read and against which `objection` speaks: nothing that was accepted all the same.
    pub fn apply_objected(&mut self, record: &OrderRecord, objection: String) -> Outcome {
        self.apply_order(record, Some(objection))
    }

    pub(super) fn apply_order(&mut self, record: &OrderRecord, objection: Option<String>) -> Outcome {
        if record.sequence.0 <= self.as_of.orders {
            return Outcome::Repeated;
        }
        let announced = self.take_announced(record.sequence);
        let folded = self.fold(record, objection.as_deref(), &announced);
        self.as_of.orders = record.sequence.0;
        self.keep(|| Read::Order(Box::new(record.clone()), objection));
        match folded {
            Ok(true) => Outcome::Accepted,
            Ok(false) => Outcome::Unchanged,
            Err(rejection) => self.reject(record.sequence, rejection),
        }
    }

    /// Folds one order that could not be read, so that it is counted and never silent.
    pub fn apply_malformed(&mut self, sequence: Sequence, reason: String) -> Outcome {
        if sequence.0 <= self.as_of.orders {
            return Outcome::Repeated;
        }
        self.as_of.orders = sequence.0;
        self.keep(|| Read::Malformed(sequence, reason.clone()));
        if let Announced::Accepted(_) = self.take_announced(sequence) {
            self.behind = true;
        }
        self.reject(sequence, Rejection::Malformed(reason))
    }

    /// Folds one message of RESOLUTIONS; `sequence` is its own place in that stream.
    pub fn resolve(&mut self, sequence: u64, resolution: Resolution) {
        if sequence <= self.as_of.resolutions {
            return;
        }
        if self.settle(sequence, &resolution) {
            return;
        }
        self.as_of.resolutions = sequence;
        match resolution {
            Resolution::Indexed(base) => {
                self.coverages.index(&base);
            }
            // What is resolved of a ban that is over already means nothing any more.
            Resolution::BanResolved(resolution)
                if resolution.ban.0 <= self.as_of.orders && !self.bans.contains_key(&resolution.ban) => {}
            Resolution::BanResolved(resolution) => {
                self.coverages.resolve(&resolution);
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
            if let Some(dispute) = &mut self.dispute {
                dispute.before.miss(sequence);
            }
        }
    }

    /// What the invalidator had said of this order before it was folded here.
    fn take_announced(&mut self, sequence: Sequence) -> Announced {
        self.announced.remove(&sequence).unwrap_or(Announced::NotYet)
    }

    fn reject(&mut self, sequence: Sequence, rejection: Rejection) -> Outcome {
        self.rejected.insert(sequence, rejection.clone());
        Outcome::Rejected(rejection)
    }

    fn fold(
        &mut self,
        record: &OrderRecord,
        objection: Option<&str>,
        announced: &Announced,
    ) -> Result<bool, Rejection> {
        if self.repeats_a_ban(record) {
            return Ok(false);
        }
        let sound = match objection {
            Some(objection) => Err(Rejection::Malformed(objection.to_owned())),
            None => self.check(record),
        };
        if let Err(rejection) = sound {
            match announced {
                // What was accepted when it was ordered stands, whatever is checked today.
                Announced::Accepted(_) => {}
                Announced::Rejected(_) => return Err(rejection),
                Announced::NotYet => {
                    self.dispute(record.sequence);
                    return Err(rejection);
                }
            }
        }
        self.change(record, announced)
    }

    fn repeats_a_ban(&self, record: &OrderRecord) -> bool {
        let Order::Ban(ban) = &record.order else { return false };
        // Ordered again after it was fixed, it is a new ban: what was fixed is banned once more.
        let same = |active: &&ActiveBan| active.ban == *ban && active.fixed_by.is_none();
        self.bans.values().filter(same).any(|active| active.holds_at(record.at))
    }

    /// What an order does that is sound or was accepted as it is, and whether that is anything.
    fn change(&mut self, record: &OrderRecord, announced: &Announced) -> Result<bool, Rejection> {
        Ok(match &record.order {
            Order::Ban(ban) => {
                let remedies = ban.remedy.iter().cloned().collect();
                let active = ActiveBan { record: record.into(), ban: ban.clone(), remedies, fixed_by: None };
                self.coverages.open(&active);
                self.bans.insert(record.sequence, active);
                true
            }
            Order::Lift(lift) => {
                for sequence in self.selected(&lift.bans) {
                    self.bans.remove(&sequence);
                    self.coverages.close(sequence);
                }
                true
            }
            Order::Fixed(fixed) => self.fix(fixed),
            Order::Remedy(ordered) => {
                let ban = self.bans.get_mut(&ordered.ban);
                ban.is_some_and(|ban| ban.remedies.insert(ordered.remedy.clone()))
            }
            Order::RemedyClosed(bans) => {
                let closed = self.selected(bans);
                let bans = self.bans.iter_mut().filter(|(sequence, _)| closed.contains(sequence));
                bans.for_each(|(_, ban)| ban.remedies.clear());
                true
            }
            Order::Catalog(section) => {
                let changed = self.apply_section(section);
                if changed && !matches!(section, CatalogSection::Remedies(_)) {
                    self.policies.rulebook.catalog = record.sequence.0;
                }
                changed
            }
            Order::Project(project) => {
                let before = self.projects.insert(project.name.clone(), project.clone());
                if before.as_ref().is_some_and(|before| before.policy != project.policy) {
                    self.policies.rulebook.catalog = record.sequence.0;
                }
                before.as_ref() != Some(project)
            }
            Order::Policy(policy) => return self.propose(record, policy, announced),
        })
    }

    /// Records a fix, and whether that is anything new.
    fn fix(&mut self, fixed: &Fixed) -> bool {
        let mut changed = false;
        for sequence in self.selected(&fixed.bans) {
            let Some(ban) = self.bans.get_mut(&sequence) else { continue };
            if ban.fixed_by.as_ref() != Some(&fixed.digest) {
                ban.fixed_by = Some(fixed.digest.clone());
                self.coverages.open(ban);
                changed = true;
            }
        }
        changed
    }
}
