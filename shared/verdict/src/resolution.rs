//! What orders turned out to mean in digests and layer chains. Written by the invalidator alone; it widens, it never opens.

use std::collections::BTreeSet;

use artifact::{BaseRole, ChainId, Digest, ImageRef};

use crate::order::Sequence;

/// A message of the RESOLUTIONS stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resolution {
    /// A catalogued base was read: this is what its tag points at now.
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
    /// The tag that was read.
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
    /// The banned images themselves: index, instances and configurations.
    pub digests: BTreeSet<Digest>,
    /// The tops of their layer chains.
    pub chains: BTreeSet<ChainId>,
    /// Images that contain a banned one in a role that no layer chain shows.
    pub derived: BTreeSet<(Digest, BaseRole)>,
    /// Whether all that the target meant is in; a ban stays pending until then.
    pub complete: bool,
}
