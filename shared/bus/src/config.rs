//! Where the broker is, and who we are there.

use std::path::PathBuf;

use serde::Deserialize;

/// The `[nats]` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The broker's addresses, separated by commas.
    pub url: String,
    /// A file with the identity's nkey seed; its public key is what the broker knows. No identity where none is given.
    pub seed_file: Option<PathBuf>,
    /// The name that stands in subjects which speak of this node; needed by gates and agents alone.
    #[serde(default)]
    pub node: String,
}
