//! What was accepted of one policy's name, by the orders' sequence: acceptances may come in any order, since modules take different times to compile.

use std::{collections::BTreeMap, sync::Arc};

use super::PolicyInForce;
use crate::order::{Policy, Sequence};

/// An order that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Accepted {
    pub(super) policy: Arc<PolicyInForce>,
    /// The message of RESOLUTIONS that says so.
    pub(super) resolution: u64,
}

/// One name's orders, as far as they still matter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct History {
    /// What the orders come to before which none is unanswered.
    settled: Option<Run>,
    /// What was accepted behind one that is not answered.
    later: BTreeMap<Sequence, Accepted>,
    /// The last order that was rejected.
    rejected: Option<Sequence>,
}

/// Orders in a row that say the same. Said again a policy changes nothing, and nothing is to be judged anew.
#[derive(Debug, Clone, PartialEq)]
struct Run {
    /// As its first order has it.
    policy: Arc<PolicyInForce>,
    last: Sequence,
    /// The last message of RESOLUTIONS that accepted an order up to the first of the run.
    moved: u64,
    /// The last message of RESOLUTIONS that accepted any order up to here.
    read: u64,
}

impl Run {
    fn then(before: Option<&Self>, accepted: &Accepted) -> Self {
        let Accepted { policy, resolution } = accepted;
        let last = policy.revision;
        let read = before.map_or(0, |run| run.read).max(*resolution);
        match before.filter(|run| run.policy.policy == policy.policy) {
            Some(run) => Self { policy: Arc::clone(&run.policy), last, moved: run.moved, read },
            None => Self { policy: Arc::clone(policy), last, moved: read, read },
        }
    }
}

impl History {
    pub(super) fn accept(&mut self, accepted: Accepted) {
        self.later.insert(accepted.policy.revision, accepted);
    }

    pub(super) fn reject(&mut self, order: Sequence) {
        self.rejected = self.rejected.max(Some(order));
    }

    /// The last order that was rejected.
    pub(super) fn rejected(&self) -> Option<Sequence> {
        self.rejected
    }

    /// Forgets what can matter no more, `open` being the first order that is not answered.
    pub(super) fn settle(&mut self, open: Option<Sequence>) {
        while let Some(first) = self.later.first_entry() {
            if open.is_some_and(|open| open < *first.key()) {
                return;
            }
            self.settled = Some(Run::then(self.settled.as_ref(), &first.remove()));
        }
    }

    /// The policy that holds, and the message of RESOLUTIONS that made it so.
    pub(super) fn in_force(&self) -> Option<(Arc<PolicyInForce>, u64)> {
        let mut run = self.settled.clone();
        for accepted in self.later.values() {
            run = Some(Run::then(run.as_ref(), accepted));
        }
        run.map(|run| (run.policy, run.moved))
    }

    /// The last order that was accepted.
    pub(super) fn last(&self) -> Option<(Sequence, &Policy)> {
        let settled = self.settled.as_ref().map(|run| (run.last, &run.policy.policy));
        let later =
            self.later.last_key_value().map(|(sequence, accepted)| (*sequence, &accepted.policy.policy));
        later.or(settled)
    }
}
