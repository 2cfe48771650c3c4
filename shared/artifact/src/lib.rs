//! The nouns of the field: digests, references, platforms, layer chains, and what is known of an image.
//!
//! Pure values: no IO, no clock, no wire format. Each type is parsed once at the edge and cannot be wrong afterwards.

mod chain;
mod digest;
mod image;
mod platform;
mod reference;

pub use chain::{ChainId, DiffId, chain_ids};
pub use digest::{Digest, InvalidDigest};
pub use image::{BaseRole, ImageFacts, UnknownRole};
pub use platform::{InvalidPlatform, Platform};
pub use reference::{ImageRef, InvalidReference, Repository, Tag};
