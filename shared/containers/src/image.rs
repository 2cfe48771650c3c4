//! An image as the runtime has it. Not as its registry has it, which may be another by now.

use artifact::{Digest, ImageFacts};

/// An image as the runtime has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// What it goes by here, whatever its names are: with Docker the digest of its configuration.
    pub id: Digest,
    /// What is known of it.
    pub facts: ImageFacts,
}
