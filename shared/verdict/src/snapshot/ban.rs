//! A ban in force, and what it covers.

use std::collections::BTreeSet;

use artifact::{BaseRole, ChainId, Digest, ImageRef};
use time::OffsetDateTime;

use crate::{
    order::{Ban, BanTarget, Name, Operator, OrderRecord, Sequence},
    resolution::BanResolution,
};

/// Who ordered something, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The order's place in its stream.
    pub sequence: Sequence,
    /// Who gave it.
    pub operator: Operator,
    /// When the broker stored it.
    pub at: OffsetDateTime,
}

/// A ban that was not lifted.
#[derive(Debug, Clone, PartialEq)]
pub struct ActiveBan {
    /// The order that opened it.
    pub record: Origin,
    /// What it says.
    pub ban: Ban,
    /// The declared remedies that stand for it.
    pub remedies: BTreeSet<Name>,
}

/// What a ban covers, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The banned images themselves.
    pub digests: BTreeSet<Digest>,
    /// The tops of their layer chains.
    pub chains: BTreeSet<ChainId>,
    /// Images that contain a banned one in a role that no layer chain shows.
    pub derived: BTreeSet<(Digest, BaseRole)>,
    /// Whether the target is known in full; the ban is pending until then.
    pub complete: bool,
}

impl ActiveBan {
    /// Whether the ban still holds at `now`.
    pub fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.ban.holds_at(now)
    }
}

impl Ban {
    /// Whether it would still hold at `now`.
    pub fn holds_at(&self, now: OffsetDateTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }

    /// Whether `image` is the very name that is banned.
    pub fn names(&self, image: &ImageRef) -> bool {
        match &self.target {
            BanTarget::Digest(repository, digest) => {
                image.repository() == repository && image.digest() == Some(digest)
            }
            // A pinned reference is judged by its digest; the tag beside it is only decoration.
            BanTarget::Tag(repository, tag) => {
                image.repository() == repository && image.tag() == Some(tag) && image.digest().is_none()
            }
            BanTarget::Layer(_) => false,
        }
    }
}

impl Coverage {
    pub(super) fn widen(&mut self, resolution: &BanResolution) {
        let BanResolution { ban: _, digests, chains, derived, complete } = resolution;
        self.digests.extend(digests.iter().cloned());
        self.chains.extend(chains.iter().cloned());
        self.derived.extend(derived.iter().cloned());
        self.complete |= complete;
    }
}

impl From<&OrderRecord> for Origin {
    fn from(record: &OrderRecord) -> Self {
        Self { sequence: record.sequence, operator: record.operator.clone(), at: record.at }
    }
}
