//! What orders turned out to mean in digests and layer chains. Written by the invalidator alone; it widens, it never opens.

use std::collections::BTreeSet;

use artifact::{BaseRole, ChainId, Digest, ImageRef};

use crate::order::Sequence;

/// A message of the RESOLUTIONS stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A catalogued or banned tag was read: this is what it points at now, and it counts as having pointed there for good.
    Indexed(IndexedBase),
    /// A ban was resolved, or what it covers grew.
    BanResolved(BanResolution),
    /// The invalidator folded this order.
    Accepted(Sequence),
    /// The invalidator folded this order as nothing, for this reason.
    Rejected(Sequence, String),
}

/// What a tag pointed at when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexedBase {
    /// The tag that was read, with the digest that it pointed at.
    pub reference: ImageRef,
    /// Index, instances and configurations.
    pub digests: BTreeSet<Digest>,
    /// The top of each instance's layer chain.
    pub chains: BTreeSet<ChainId>,
}

/// What one ban covers, as far as is known. Resolutions of one ban add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanResolution {
    /// The ban.
    pub ban: Sequence,
    /// The digest that the banned tag had, of which this says what it covers; none where the ban is not about a tag. A fix clears what later
    /// digests of the tag cover and leaves what earlier ones do, so what is derived of both is said of both.
    pub image: Option<Digest>,
    /// The banned images themselves: index, instances and configurations.
    pub digests: BTreeSet<Digest>,
    /// The tops of their layer chains.
    pub chains: BTreeSet<ChainId>,
    /// Images that contain a banned one in a role that no layer chain shows.
    pub derived: BTreeSet<(Digest, BaseRole)>,
    /// Whether all that the target meant is in; a ban stays pending until then.
    pub complete: bool,
    /// Whether there is more that could not be published. The last resolution of a ban decides: the ban is pending while this is true.
    pub withheld: bool,
}

impl IndexedBase {
    /// The tag alone.
    pub fn tag(&self) -> ImageRef {
        match self.reference.tag() {
            Some(tag) => self.reference.repository().at_tag(tag.clone()),
            None => self.reference.clone(),
        }
    }

    /// Whether this is what the tag is when it points at `digest`.
    pub fn is_at(&self, digest: &Digest) -> bool {
        self.reference.digest() == Some(digest)
    }
}
