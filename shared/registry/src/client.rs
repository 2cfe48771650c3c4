//! The face of this crate: one method a question or deed. Not how each is done: see the module named after it.

use std::{fmt, path::Path, sync::Arc};

use artifact::{Digest, ImageRef, Repository, Tag};

use crate::{Config, Description, Error, Result, transport::Transport};

/// A client of every OCI registry, with pooled connections. Clones are cheap and share them.
///
/// Each exchange is bounded by [`Config::timeout`], each blob by [`Config::transfer_timeout`], two quick retries included.
/// Every method may be called again after an error or a drop: nothing half done is visible in a registry under a name.
#[derive(Clone)]
pub struct Client {
    transport: Arc<Transport>,
}

impl Client {
    /// A client by `config`. Connects to nothing yet.
    ///
    /// Makes aws-lc-rs this process's TLS provider, unless it has one already.
    ///
    /// # Errors
    /// [`Error::Config`] with every mistake in it.
    pub fn new(config: Config) -> Result<Self> {
        install_crypto();
        let mistakes = config.mistakes();
        if !mistakes.is_empty() {
            return Err(Error::Config { mistakes });
        }
        Ok(Self { transport: Arc::new(Transport::new(config)?) })
    }

    /// The digest of what `image` points at now, computed over the bytes that the registry serves, never believed.
    ///
    /// # Errors
    /// [`Error::NotFound`] where there is nothing, and only then.
    pub async fn resolve(&self, image: &ImageRef) -> Result<Digest> {
        Ok(self.transport.manifest(image).await?.digest)
    }

    /// What `image` points at now: all its instances with their layers, labels and claimed bases, every digest verified.
    ///
    /// Reads manifests of at most 4 MiB, configurations of at most 8 MiB, indexes nested at most four deep and at most
    /// 256 manifests; entries for `unknown/unknown` (attestations) are skipped.
    ///
    /// # Errors
    /// [`Error::NotFound`] where anything of it is missing; [`Error::Malformed`], [`Error::TooLarge`] and
    /// [`Error::DigestMismatch`] for what can't be read without guessing.
    pub async fn describe(&self, image: &ImageRef) -> Result<Description> {
        self.transport.describe(image).await
    }

    /// Every tag of `repository`, in the registry's order.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the registry does not know the repository.
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        self.transport.tags(repository).await
    }

    /// Every repository that the registry at `host` lists for us. Many public registries list none or refuse.
    pub async fn repositories(&self, host: &str) -> Result<Vec<Repository>> {
        self.transport.repositories(host).await
    }

    /// Writes the one image of the OCI layout at `directory` to `target` under its digest, which it answers. Idempotent.
    ///
    /// Blobs that are there stay; those of `mount_from` (repositories of the same registry) are taken over without a
    /// transfer where the registry allows it. The layout may be an untrusted build's: every byte is verified, and links are
    /// not followed.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the layout does not hold exactly one image, [`Error::DigestMismatch`] where a file is not
    /// what its name says, [`Error::Layout`] where one is missing.
    pub async fn push_layout(
        &self,
        directory: &Path,
        target: &Repository,
        mount_from: &[Repository],
    ) -> Result<Digest> {
        self.transport.push_layout(directory, target, mount_from).await
    }

    /// Points `tag` at the manifest `digest` of the same repository, the same bytes under one more name. Idempotent.
    ///
    /// # Errors
    /// [`Error::NotFound`] where the manifest is not there.
    pub async fn tag(&self, repository: &Repository, digest: &Digest, tag: &Tag) -> Result<()> {
        let manifest = self.transport.manifest(&repository.at_digest(digest.clone())).await?;
        self.transport.put_manifest(repository, Some(tag), &manifest).await
    }

    /// Writes `image` into the OCI layout at `directory` (made where there is none) and answers its digest. Idempotent.
    ///
    /// Bytes are kept as they are, so the digest is the registry's; an image of Docker's media types lies behind an OCI index
    /// of ours, without which buildah does not find its name. The entry is named by the reference's tag, else by the
    /// digest's hex, as in `oci:DIRECTORY:NAME`; one of the same name makes way. Blobs that are there whole are not fetched
    /// again. One writer a directory at a time. buildah makes an image name of the path: keep it lower case.
    pub async fn pull_layout(&self, image: &ImageRef, directory: &Path) -> Result<Digest> {
        self.transport.pull_layout(image, directory).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

/// `reqwest` is built without a provider, so that the whole program has one. Whoever was first may stay.
fn install_crypto() {
    // Err means that another one is installed, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
