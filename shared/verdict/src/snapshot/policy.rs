//! Policies as they are folded. A policy holds from the moment at which the invalidator has accepted it, since only the invalidator reads its modules: what
//! cannot be read never holds anywhere. Of one name the latest order holds that was accepted, in whatever order the acceptances came and the two streams
//! interleave.

mod history;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use time::OffsetDateTime;

use super::{Announced, Rejection, Snapshot};
use crate::order::{Name, Operator, OrderRecord, Policy, Sequence};

use history::{Accepted, History};

/// A policy that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyInForce {
    /// What it says.
    pub policy: Policy,
    /// The order that says so: the policy's revision.
    pub revision: Sequence,
    /// Who gave it.
    pub operator: Operator,
    /// When it was stored.
    pub since: OffsetDateTime,
}

/// What definitions are judged by, as two numbers that only grow: when both are the same, so is what the catalog and the policies say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rulebook {
    /// The last order that changed the catalog, or which policy a project names.
    pub catalog: u64,
    /// The last message of RESOLUTIONS that had a part in which policies are in force.
    pub policies: u64,
}

/// Why a policy does not hold of which a project wants to be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Absence {
    /// Nobody ordered it.
    #[error("which nobody applied")]
    Unknown,
    /// The invalidator has not spoken yet.
    #[error("whose order {0} waits for the invalidator's answer")]
    Awaited(Sequence),
    /// The invalidator rejected it.
    #[error("whose order {0} was rejected: {1}")]
    Rejected(Sequence, String),
}

/// All policies, in force and to come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policies {
    in_force: BTreeMap<Name, Arc<PolicyInForce>>,
    /// What was ordered of every name that ever was: projects may name it.
    named: BTreeMap<Name, History>,
    /// Ordered, and neither accepted nor rejected.
    proposed: BTreeMap<Sequence, Arc<PolicyInForce>>,
    pub(super) rulebook: Rulebook,
}

impl Policies {
    pub(super) fn get(&self, name: &Name) -> Option<&Arc<PolicyInForce>> {
        self.in_force.get(name)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<PolicyInForce>> {
        self.in_force.values()
    }

    pub(super) fn is_named(&self, name: &Name) -> bool {
        self.named.contains_key(name)
    }

    /// What was ordered last of `name`, unless it was rejected: in force, or to be so.
    fn last_said(&self, name: &Name) -> Option<&Policy> {
        let accepted = self.named.get(name).and_then(History::last);
        let mut proposed = self.proposed.iter().rev().filter(|(_, proposed)| proposed.policy.name == *name);
        let proposed = proposed.next().map(|(sequence, proposed)| (*sequence, &proposed.policy));
        accepted.into_iter().chain(proposed).max_by_key(|(sequence, _)| *sequence).map(|(_, policy)| policy)
    }

    /// The first order of `name` that is not answered: what was accepted before it can change no more.
    fn first_proposed(&self, name: &Name) -> Option<Sequence> {
        let mut proposed = self.proposed.iter().filter(|(_, proposed)| proposed.policy.name == *name);
        proposed.next().map(|(sequence, _)| *sequence)
    }

    fn accept(&mut self, policy: Arc<PolicyInForce>, resolution: u64) {
        let name = policy.policy.name.clone();
        self.named.entry(name.clone()).or_default().accept(Accepted { policy, resolution });
        self.settle(&name);
    }

    fn reject(&mut self, name: &Name, order: Sequence) {
        self.named.entry(name.clone()).or_default().reject(order);
        self.settle(name);
    }

    fn settle(&mut self, name: &Name) {
        let open = self.first_proposed(name);
        let Some(history) = self.named.get_mut(name) else { return };
        history.settle(open);
        if let Some((held, moved)) = history.in_force() {
            self.rulebook.policies = self.rulebook.policies.max(moved);
            self.in_force.insert(name.clone(), held);
        }
    }
}

impl Snapshot {
    /// What definitions are judged by.
    pub fn rulebook(&self) -> Rulebook {
        self.policies.rulebook
    }

    /// The policy that was ordered by `sequence` and waits for the invalidator's word.
    pub fn proposed(&self, sequence: Sequence) -> Option<&Policy> {
        self.policies.proposed.get(&sequence).map(|proposed| &proposed.policy)
    }

    /// Why `name` is not in force; none where it is.
    pub fn absence(&self, name: &Name) -> Option<Absence> {
        if self.policies.get(name).is_some() {
            return None;
        }
        let rejected = self.policies.named.get(name).and_then(History::rejected);
        let reason = |sequence| self.rejected.get(&sequence).map(ToString::to_string).unwrap_or_default();
        Some(match (self.policies.first_proposed(name), rejected) {
            (Some(awaited), _) => Absence::Awaited(awaited),
            (None, Some(sequence)) => Absence::Rejected(sequence, reason(sequence)),
            (None, None) => Absence::Unknown,
        })
    }

    pub(super) fn propose(
        &mut self,
        record: &OrderRecord,
        policy: &Policy,
        announced: &Announced,
    ) -> Result<bool, Rejection> {
        let unchanged = self.policies.last_said(&policy.name) == Some(policy);
        self.policies.named.entry(policy.name.clone()).or_default();
        let proposed = Arc::new(PolicyInForce {
            policy: policy.clone(),
            revision: record.sequence,
            operator: record.operator.clone(),
            since: record.at,
        });
        match announced {
            Announced::Accepted(resolution) => self.policies.accept(proposed, *resolution),
            Announced::Rejected(reason) => {
                self.policies.reject(&policy.name, record.sequence);
                return Err(Rejection::Unsound(reason.clone()));
            }
            Announced::NotYet => {
                self.policies.proposed.insert(record.sequence, proposed);
            }
        }
        Ok(!unchanged)
    }

    /// The invalidator accepted an order that was folded here: a policy holds from now on.
    pub(super) fn accept_policy(&mut self, order: Sequence, resolution: u64) {
        if let Some(proposed) = self.policies.proposed.remove(&order) {
            self.policies.accept(proposed, resolution);
        }
    }

    /// The invalidator rejected an order. Other orders than policies are rejected here by the same code.
    pub(super) fn reject_policy(&mut self, order: Sequence, reason: String) {
        if let Some(proposed) = self.policies.proposed.remove(&order) {
            self.rejected.insert(order, Rejection::Unsound(reason));
            self.policies.reject(&proposed.policy.name, order);
        }
    }
}
