//! One manifest in or out of a registry, byte for byte. Not what it says: see `document`.

use artifact::{Digest, ImageRef, Repository, Tag};
use reqwest::header;

use crate::{
    Error, Result,
    authority::Scope,
    document::{Document, MANIFEST_MEDIA_TYPES},
    hash,
    transport::{Transport, bounded, read_limited},
};

/// Largest manifest read (OCI distribution-spec: registries should take at least 4 MiB, and nobody may count on more).
pub(crate) const MANIFEST_BYTES: u64 = 4 * 1024 * 1024;
const DIGEST_HEADER: &str = "docker-content-digest";

/// A manifest and the digest of its very bytes.
pub(crate) struct Manifest {
    pub(crate) digest: Digest,
    pub(crate) bytes: Vec<u8>,
    pub(crate) document: Document,
}

impl Transport {
    /// Reads what `image` points at; what a pinned reference gets is what it is pinned to.
    pub(crate) async fn manifest(&self, image: &ImageRef) -> Result<Manifest> {
        let subject = format!("manifest {image}");
        let repository = image.repository();
        let path = format!("/v2/{}/manifests/{}", repository.path(), image.version());
        let url = self.url(repository.host(), &path)?;
        let scope = Scope::pull(repository);
        let (bytes, declared) = bounded(self.config.timeout, &subject, || async {
            let request = |http: &reqwest::Client| {
                http.get(url.clone()).header(header::ACCEPT, MANIFEST_MEDIA_TYPES.join(", "))
            };
            let response = self.send(&scope, &subject, request).await?;
            let declared = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
            let declared = declared.map(str::to_owned);
            Ok((read_limited(response, MANIFEST_BYTES, &subject).await?, declared))
        })
        .await?;
        let digest = match image.digest() {
            Some(pinned) => {
                hash::verify(&bytes, pinned, &subject)?;
                pinned.clone()
            }
            None => Digest::of(&bytes),
        };
        let document = Document::parse(&bytes, declared.as_deref(), &subject)?;
        Ok(Manifest { digest, bytes, document })
    }

    /// Writes `manifest` under its digest, or under `tag`. Idempotent.
    pub(crate) async fn put_manifest(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        manifest: &Manifest,
    ) -> Result<()> {
        let target = match tag {
            Some(tag) => repository.at_tag(tag.clone()),
            None => repository.at_digest(manifest.digest.clone()),
        };
        let subject = format!("manifest {target}");
        let path = format!("/v2/{}/manifests/{}", repository.path(), target.version());
        let url = self.url(repository.host(), &path)?;
        let scope = Scope::push(repository, &[]);
        bounded(self.config.timeout, &subject, || async {
            let request = |http: &reqwest::Client| {
                let media_type = manifest.document.media_type.as_str();
                http.put(url.clone()).header(header::CONTENT_TYPE, media_type).body(manifest.bytes.clone())
            };
            let response = self.send(&scope, &subject, request).await?;
            let stored = response.headers().get(DIGEST_HEADER).and_then(|value| value.to_str().ok());
            match stored.map(str::parse::<Digest>) {
                // A registry may name another algorithm's digest: that says nothing about ours.
                Some(Ok(actual))
                    if actual != manifest.digest && same_algorithm(&actual, &manifest.digest) =>
                {
                    Err(Error::DigestMismatch {
                        subject: subject.clone(),
                        expected: manifest.digest.clone(),
                        actual,
                    })
                }
                Some(_) | None => Ok(()),
            }
        })
        .await
    }
}

impl Manifest {
    /// Reads `bytes` that are known to have `digest`.
    pub(crate) fn of(bytes: Vec<u8>, digest: Digest, media_type: &str, subject: &str) -> Result<Self> {
        let document = Document::parse(&bytes, Some(media_type), subject)?;
        Ok(Self { digest, bytes, document })
    }
}

fn same_algorithm(one: &Digest, other: &Digest) -> bool {
    one.as_str().len() == other.as_str().len()
}
