//! What an operator may set.

use std::path::PathBuf;

use serde::Deserialize;

/// The `[notifier]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where commits are made ready; nothing in it outlives a notice.
    pub folder: PathBuf,
    /// How git hosts are reached.
    #[serde(default)]
    pub source: source::Config,
}
