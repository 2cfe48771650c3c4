//! A ban in force. Not what it covers (`coverage`).

use std::collections::BTreeSet;

use artifact::{Digest, ImageRef};
use time::OffsetDateTime;

use crate::order::{Ban, BanTarget, Name, Operator, OrderRecord, Sequence};

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
    /// The digest from which on the banned tag is clean, where that is recorded. It and the digests that the tag has after it are not covered;
    /// those before it stay covered, and so does each image that is derived from one of them. Until the tag is known to have had this digest,
    /// all are covered.
    pub fixed_by: Option<Digest>,
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

impl From<&OrderRecord> for Origin {
    fn from(record: &OrderRecord) -> Self {
        Self { sequence: record.sequence, operator: record.operator.clone(), at: record.at }
    }
}
