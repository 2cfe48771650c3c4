//! A container as it was when it was looked at, and what happens to one. Not the looking.

use std::collections::BTreeMap;

use artifact::{Digest, ImageFacts};

use crate::id::ContainerId;

/// A container as it was when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its id.
    pub id: ContainerId,
    /// Its name, without Docker's leading slash.
    pub name: String,
    /// The image it was made from: with Docker the digest of the image's configuration.
    pub image_id: Digest,
    /// The image's name as it was given when the container was made; it may have moved to another image since.
    pub image_name: String,
    /// What is known of the image. Without layers when the runtime no longer has the image.
    pub facts: ImageFacts,
    /// When it last started, byte for byte as the runtime says it (RFC 3339): with the id it names one run of the
    /// container. `None` when it never started.
    pub started_at: Option<String>,
    /// Whether its processes exist now; a paused container is running.
    pub is_running: bool,
    /// Whether the runtime removes it at its end (`docker run --rm`).
    pub is_removed_at_end: bool,
    /// Its labels, with those of its image.
    pub labels: BTreeMap<String, String>,
}

/// What happened to a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lifecycle {
    /// Its first process runs.
    Started {
        /// The container.
        id: ContainerId,
    },
    /// Its last process ended; it may be started again.
    Died {
        /// The container.
        id: ContainerId,
    },
    /// It is gone.
    Destroyed {
        /// The container.
        id: ContainerId,
    },
}
