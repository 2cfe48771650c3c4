//! An image from an OCI layout into a registry, blobs first, so that what is there is always whole. Not tagging.

use std::path::Path;

use artifact::{Digest, Repository};
use futures::{StreamExt, TryStreamExt, stream};

use crate::{
    Error, Result,
    authority::Scope,
    document::{Content, Descriptor},
    layout::Layout,
    manifest::{MANIFEST_BYTES, Manifest},
    transport::Transport,
};

/// Blobs on their way at once: enough to fill a connection with small ones, few enough for a registry's limits.
const PARALLEL_BLOBS: usize = 4;
/// Manifests of one layout, all held at once: a build writes one a platform, and perhaps an attestation beside each.
const MAX_MANIFESTS: usize = 64;

impl Transport {
    pub(crate) async fn push_layout(
        &self,
        directory: &Path,
        target: &Repository,
        mount_from: &[Repository],
    ) -> Result<Digest> {
        let layout = Layout::at(directory);
        let mut sources: Vec<Repository> = mount_from.to_vec();
        sources.retain(|source| source.host() == target.host() && source != target);
        let top = layout.sole_entry().await?;
        let digest = top.digest.clone();
        // What an index lists must be there before it: manifests are read from the top and written from the bottom.
        let mut manifests = Vec::new();
        let mut unread = vec![top];
        while let Some(descriptor) = unread.pop() {
            if manifests.len() >= MAX_MANIFESTS {
                let reason = format!("it holds more than {MAX_MANIFESTS} manifests");
                return Err(Error::malformed(&layout.subject(), reason));
            }
            let bytes = layout.read(&descriptor, MANIFEST_BYTES).await?;
            let subject = format!("manifest {} of {}", descriptor.digest, layout.subject());
            let manifest = Manifest::of(bytes, descriptor.digest, &descriptor.media_type, &subject)?;
            if let Content::Index(entries) = &manifest.document.content {
                unread.extend(entries.iter().cloned());
            }
            manifests.push(manifest);
        }
        for manifest in manifests.iter().rev() {
            let mut transfers = Vec::new();
            // A loop, since a closure here would keep callers from running this future on another thread.
            for blob in manifest.document.content.blobs() {
                transfers.push(self.push_blob(&layout, blob, target, &sources));
            }
            stream::iter(transfers).buffer_unordered(PARALLEL_BLOBS).try_collect::<()>().await?;
            self.put_manifest(target, None, manifest).await?;
        }
        Ok(digest)
    }

    async fn push_blob(
        &self,
        layout: &Layout,
        blob: &Descriptor,
        target: &Repository,
        sources: &[Repository],
    ) -> Result<()> {
        let subject = &format!("blob {} to {target}", blob.digest);
        let scope = Scope::push(target, sources);
        let timeout = self.config.timeout;
        let there = self.with_blobs(target, &scope, timeout, subject, |store| async move {
            store.has(&blob.digest, subject).await
        });
        if there.await? {
            return Ok(());
        }
        for source in sources {
            let mounted = self.with_blobs(target, &scope, timeout, subject, |store| async move {
                store.mount(&blob.digest, source, subject).await
            });
            match mounted.await {
                Ok(true) => return Ok(()),
                // A saving that is not to be had is no failure; the upload itself will say what is wrong.
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, %source, "A blob could not be mounted."),
            }
        }
        let path = &layout.verify(blob).await?;
        self.with_blobs(target, &scope, self.config.transfer_timeout, subject, |store| async move {
            store.upload(path, &blob.digest, blob.size, subject).await
        })
        .await
    }
}
