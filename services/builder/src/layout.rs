//! OCI layouts: what a build left is verified, and made into the image that is published. Not the push: see `registry`.
//!
//! Source: OCI image-spec 1.1, image-layout.md, manifest.md, config.md.

mod document;
mod finish;
mod verify;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use artifact::{DiffId, Digest};

pub use self::finish::{Additions, finish};
pub use self::verify::verify;

/// An image that was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Built {
    /// Of its manifest: what it is pulled by.
    pub digest: Digest,
    /// Of its configuration: Docker's image id.
    pub config_digest: Digest,
    /// Its uncompressed layers, bottom first.
    pub layers: Vec<DiffId>,
    /// Its labels, ours included.
    pub labels: BTreeMap<String, String>,
}

/// Why a directory is not the layout of one image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error("{doing} {} failed", path.display())]
    File {
        /// Reading or writing.
        doing: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A link or a device where a file or directory should be.
    #[error("{} is neither a plain file nor a directory", .0.display())]
    NotPlain(PathBuf),
    /// A document beyond any sensible size.
    #[error("the {what} is larger than {limit} bytes")]
    TooLarge {
        /// Which document.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// A document that is not what it should be.
    #[error("the {what} cannot be read")]
    Document {
        /// Which.
        what: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// Not exactly one image.
    #[error("the layout holds {0} images instead of one")]
    NotOne(usize),
    /// A media type that we do not know, and therefore do not wave through.
    #[error("the {what} has the media type `{media_type}`, which is not known here")]
    MediaType {
        /// Of what.
        what: &'static str,
        /// What it says.
        media_type: String,
    },
    /// A layer that lies elsewhere.
    #[error("layer {0} is to be fetched from a foreign address")]
    Foreign(Digest),
    /// Content that is not what its digest or size says.
    #[error("the {what} {expected} has other content: {found}")]
    Content {
        /// Of what.
        what: &'static str,
        /// What was announced.
        expected: Digest,
        /// What is there.
        found: String,
    },
    /// A configuration that does not belong to the layers.
    #[error("the configuration names {diff_ids} layers, and the manifest has {layers}")]
    Layers {
        /// In the configuration.
        diff_ids: usize,
        /// In the manifest.
        layers: usize,
    },
}

impl Error {
    /// Whether the same build may leave a valid image the next time.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::File { .. } => true,
            Self::NotPlain(_) | Self::TooLarge { .. } | Self::Document { .. } | Self::NotOne(_) => false,
            Self::MediaType { .. } | Self::Foreign(_) | Self::Content { .. } | Self::Layers { .. } => false,
        }
    }
}

#[cfg(test)]
mod tests;
