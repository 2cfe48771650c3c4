//! What an operator may set.

use std::path::PathBuf;

use serde::Deserialize;

/// The `[invalidator]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the lineage index is kept; may be deleted at any time.
    pub folder: PathBuf,
    /// How registries are reached.
    #[serde(default)]
    pub registry: registry::Config,
    /// What reading one policy may take.
    #[serde(default)]
    pub policies: evaluator::Config,
}
