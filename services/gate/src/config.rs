//! What an operator may set.

use std::path::PathBuf;

use serde::Deserialize;

use crate::freshness;

/// The `[gate]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The socket on which `plimsoll check` and `plimsoll run` ask.
    pub socket: PathBuf,
    /// The socket on which Docker asks its authorization plugin, such as /run/docker/plugins/plimsoll.sock; no plugin where none is
    /// given.
    pub plugin_socket: Option<PathBuf>,
    /// Where this gate keeps what it has read and seen, so that it opens with it while the broker is away. A gate without one knows nothing then.
    pub folder: Option<PathBuf>,
    /// The container runtime of this node, which knows the images that are here.
    pub runtime: Option<containers::Config>,
    /// How registries are reached for images that are not here.
    #[serde(default)]
    pub registry: registry::Config,
    /// What happens at an enforcing door when the runtime cannot say what would start.
    #[serde(default)]
    pub on_fault: OnFault,
    /// What happens at an enforcing start of a container whose image was removed before this gate has seen it, while a ban is in force.
    #[serde(default)]
    pub on_unreadable_image: OnUnreadableImage,
    /// How old what this gate knows may be, and what it does past that.
    #[serde(default)]
    pub freshness: freshness::Config,
}

/// What a door does when it cannot learn what it should judge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFault {
    /// Stay shut: what cannot be read is not waved through.
    #[default]
    Closed,
    /// Stay open, and say so.
    Open,
}

/// What an enforcing start does with a container whose image cannot be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUnreadableImage {
    /// Deny it while any ban is in force.
    #[default]
    Deny,
    /// Deny it while a critical ban is in force, as any image that cannot be cleared.
    BySeverity,
}
