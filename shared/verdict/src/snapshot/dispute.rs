//! Orders that are rejected here while nobody knows yet what the invalidator said of them. Not which orders are sound (`check`).
//!
//! A check that a later version added must not undo what was accepted before it: an order that the invalidator accepted stands. Where the acceptance is read
//! after the order, everything since is folded again, as if it had been read before: so the two streams may interleave in any way.

use std::collections::BTreeSet;

use super::Snapshot;
use crate::{
    order::{OrderRecord, Sequence},
    resolution::Resolution,
};

/// What is kept until the last such order is answered: a moment, but for a start that reads ORDERS before RESOLUTIONS.
#[derive(Debug, Clone)]
pub(super) struct Dispute {
    /// As it was before the first of them, with every resolution that was read since.
    pub(super) before: Snapshot,
    /// What was read of ORDERS since.
    orders: Vec<Read>,
    /// The orders that are rejected here and not answered.
    open: BTreeSet<Sequence>,
}

/// A message of ORDERS.
#[derive(Debug, Clone)]
pub(super) enum Read {
    /// What could be read, and what speaks against it.
    Order(Box<OrderRecord>, Option<String>),
    Malformed(Sequence, String),
}

impl Snapshot {
    /// The next order is rejected here, and the invalidator has not spoken of it. Called before the order is counted as read.
    pub(super) fn dispute(&mut self, sequence: Sequence) {
        let mut dispute = self.dispute.take().unwrap_or_else(|| {
            Box::new(Dispute { before: self.clone(), orders: Vec::new(), open: BTreeSet::new() })
        });
        dispute.open.insert(sequence);
        self.dispute = Some(dispute);
    }

    /// Keeps what was read of ORDERS, where it may have to be folded again.
    pub(super) fn keep(&mut self, read: impl FnOnce() -> Read) {
        if let Some(dispute) = &mut self.dispute {
            dispute.orders.push(read());
        }
    }

    /// Has a resolution settle what it answers. Whether that was all that it does.
    pub(super) fn settle(&mut self, sequence: u64, resolution: &Resolution) -> bool {
        let Some(mut dispute) = self.dispute.take() else { return false };
        dispute.before.resolve(sequence, resolution.clone());
        match resolution {
            Resolution::Accepted(order) if dispute.open.contains(order) => {
                *self = dispute.fold_again();
                return true;
            }
            Resolution::Rejected(order, _) => {
                dispute.open.remove(order);
            }
            Resolution::Accepted(_) | Resolution::Indexed(_) | Resolution::BanResolved(_) => {}
        }
        self.dispute = (!dispute.open.is_empty()).then_some(dispute);
        false
    }
}

impl Dispute {
    fn fold_again(self) -> Snapshot {
        let Self { mut before, orders, open: _ } = self;
        for read in orders {
            match read {
                Read::Order(record, objection) => before.apply_order(&record, objection),
                Read::Malformed(sequence, reason) => before.apply_malformed(sequence, reason),
            };
        }
        before
    }
}

/// How the fold got here says nothing about what is in force; what is still open does.
impl PartialEq for Dispute {
    fn eq(&self, other: &Self) -> bool {
        self.open == other.open
    }
}

#[cfg(test)]
mod tests;
