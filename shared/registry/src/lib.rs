//! The OCI registry client: what a reference points at, what a repository holds, and images in and out. Not a registry,
//! and no decision about an image: it answers with facts and errors.
//!
//! Blobs travel by `oci-client`. Manifests, listings and tokens are our own, because what is read there needs a size
//! limit, a digest over the raw bytes and a say in where credentials go.

mod authority;
mod blob;
mod client;
mod config;
mod description;
mod document;
mod error;
mod hash;
mod layout;
mod listing;
mod manifest;
mod pull;
mod push;
mod transport;

pub use client::Client;
pub use config::{Config, Login, Secret};
pub use description::{ClaimedBase, Description, Instance};
pub use error::Error;

/// What every call of this crate answers.
pub type Result<T> = std::result::Result<T, Error>;
