//! What an operator may set.

use std::num::NonZeroUsize;

use serde::Deserialize;

/// The `[agent]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The container runtime of this node; without one the agent idles.
    pub runtime: Option<containers::Config>,
    /// How many remedies run at the same time on this node.
    #[serde(default = "concurrency")]
    pub concurrency: NonZeroUsize,
}

/// Four: ten containers are done in three rounds, and one that hangs until its timeout leaves three others to go on; more would have
/// every container of a node do the same work at the same moment.
fn concurrency() -> NonZeroUsize {
    NonZeroUsize::MIN.saturating_add(3)
}
