//! How we know that one image's content is in another, strongest first.

use std::fmt;

use artifact::{BaseRole, ChainId, Digest, ImageRef};

/// One proof or hint that an image contains a base.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Evidence {
    /// The image is the base itself, by digest.
    Same(Digest),
    /// The base's layers are the image's lowest layers. Cannot be forged and survives re-tagging and recompression.
    Chain(ChainId),
    /// Our own build service recorded that the base went in.
    Build(Digest),
    /// The image bears the very name that was banned.
    Name(ImageRef),
    /// The image's own labels or annotations claim the base: a hint that widens and never clears.
    Claim(ImageRef),
}

/// A base's hold on an image: in which role, and how we know.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tie {
    /// The way the base's content entered.
    pub role: BaseRole,
    /// How we know.
    pub evidence: Evidence,
}

impl Evidence {
    /// The word used on the wire and for people.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Same(_) => "same image",
            Self::Chain(_) => "layer chain",
            Self::Build(_) => "build record",
            Self::Name(_) => "name",
            Self::Claim(_) => "label",
        }
    }
}

impl fmt::Display for Tie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (by {})", self.role, self.evidence.kind())
    }
}
