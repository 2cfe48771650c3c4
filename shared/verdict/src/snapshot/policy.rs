//! Policies as they are folded. A policy holds from the moment at which the invalidator has accepted it, since only the invalidator reads its modules: what
//! cannot be read never holds anywhere. Of one name the latest order holds that was accepted, however the two streams interleave.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use time::OffsetDateTime;

use super::{Announced, Rejection, Snapshot};
use crate::order::{Name, Operator, OrderRecord, Policy, Sequence};

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
    /// The last message of RESOLUTIONS that put a policy in force.
    pub policies: u64,
}

/// All policies, in force and to come.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Policies {
    in_force: BTreeMap<Name, Arc<PolicyInForce>>,
    /// Ordered, and neither accepted nor rejected.
    proposed: BTreeMap<Sequence, Arc<PolicyInForce>>,
    /// Every name that was ever ordered: projects may name it.
    named: BTreeSet<Name>,
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
        self.named.contains(name)
    }

    fn enforce(&mut self, policy: Arc<PolicyInForce>, resolution: u64) {
        let held = self.in_force.get(&policy.policy.name);
        if held.is_some_and(|held| held.revision > policy.revision) {
            return;
        }
        // Said again it changes nothing, and nothing is to be judged anew.
        if held.is_none_or(|held| held.policy != policy.policy) {
            self.rulebook.policies = self.rulebook.policies.max(resolution);
            self.in_force.insert(policy.policy.name.clone(), policy);
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

    pub(super) fn propose(
        &mut self,
        record: &OrderRecord,
        policy: &Policy,
        announced: &Announced,
    ) -> Result<bool, Rejection> {
        self.policies.named.insert(policy.name.clone());
        let unchanged = self.policies.get(&policy.name).is_some_and(|held| held.policy == *policy);
        let proposed = Arc::new(PolicyInForce {
            policy: policy.clone(),
            revision: record.sequence,
            operator: record.operator.clone(),
            since: record.at,
        });
        match announced {
            Announced::Accepted(resolution) => self.policies.enforce(proposed, *resolution),
            Announced::Rejected(reason) => return Err(Rejection::Unsound(reason.clone())),
            Announced::NotYet => {
                self.policies.proposed.insert(record.sequence, proposed);
            }
        }
        Ok(!unchanged)
    }

    /// The invalidator accepted an order that was folded here: a policy holds from now on.
    pub(super) fn accept_policy(&mut self, order: Sequence, resolution: u64) {
        if let Some(proposed) = self.policies.proposed.remove(&order) {
            self.policies.enforce(proposed, resolution);
        }
    }

    /// The invalidator rejected an order. Other orders than policies are rejected here by the same code.
    pub(super) fn reject_policy(&mut self, order: Sequence, reason: String) {
        if self.policies.proposed.remove(&order).is_some() {
            self.rejected.insert(order, Rejection::Unsound(reason));
        }
    }
}
