//! An image from a registry into an OCI layout that buildah and skopeo read, byte for byte. Not its unpacking.

use std::path::Path;

use artifact::{Digest, ImageRef};
use futures::{StreamExt, TryStreamExt, stream};
use oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde_json::{Value, json};

use crate::{
    Error, Result,
    authority::Scope,
    description::CONFIG_BYTES,
    document::{Content, Descriptor, ImageConfig},
    layout::Layout,
    manifest::Manifest,
    transport::Transport,
};

/// Blobs on their way at once, as on the way out.
const PARALLEL_BLOBS: usize = 4;
/// Manifests of one image: as many as a description reads.
const MAX_MANIFESTS: usize = 256;

impl Transport {
    pub(crate) async fn pull_layout(&self, image: &ImageRef, directory: &Path) -> Result<Digest> {
        let layout = &Layout::at(directory);
        layout.create().await?;
        let top = self.manifest(image).await?;
        let mut read = Some(&top);
        let mut unread = vec![top.digest.clone()];
        let mut count = 0;
        while let Some(digest) = unread.pop() {
            count += 1;
            if count > MAX_MANIFESTS {
                let subject = format!("manifest {image}");
                return Err(Error::malformed(
                    &subject,
                    format!("it lists more than {MAX_MANIFESTS} manifests"),
                ));
            }
            let fetched;
            let manifest = match read.take() {
                Some(top) => top,
                None => {
                    fetched = self.manifest(&image.repository().at_digest(digest)).await?;
                    &fetched
                }
            };
            if let Content::Index(entries) = &manifest.document.content {
                let images = entries.iter().filter(|entry| !entry.is_no_platform);
                unread.extend(images.map(|entry| entry.digest.clone()));
            }
            let mut transfers = Vec::new();
            // A loop, since a closure here would keep callers from running this future on another thread.
            for blob in manifest.document.content.blobs() {
                transfers.push(self.pull_blob(image, blob, layout));
            }
            stream::iter(transfers).buffer_unordered(PARALLEL_BLOBS).try_collect::<()>().await?;
            layout.write(&manifest.bytes, &manifest.digest).await?;
        }
        let name = image.tag().map_or(top.digest.hex(), |tag| tag.as_str());
        let named = match docker_index(&top, layout).await? {
            Some(index) => {
                let bytes = index.to_string().into_bytes();
                let digest = Digest::of(&bytes);
                layout.write(&bytes, &digest).await?;
                descriptor(OCI_IMAGE_INDEX_MEDIA_TYPE, digest, &bytes)
            }
            None => descriptor(&top.document.media_type, top.digest.clone(), &top.bytes),
        };
        layout.name(name, &named).await?;
        Ok(top.digest)
    }

    async fn pull_blob(&self, image: &ImageRef, blob: &Descriptor, layout: &Layout) -> Result<()> {
        if layout.holds(blob).await {
            return Ok(());
        }
        let repository = image.repository();
        let scope = Scope::pull(repository);
        let subject = &format!("blob {} of {repository}", blob.digest);
        self.with_blobs(repository, &scope, self.config.transfer_timeout, subject, |store| async move {
            let (mut file, path) = layout.draft(&blob.digest).await?;
            store.download(&blob.digest, blob.size, &mut file, subject).await?;
            layout.keep(&path, &blob.digest).await
        })
        .await
    }
}

/// An OCI index above a manifest of Docker's media types; none above OCI's own.
///
/// containers/image finds a name in a layout on OCI media types alone, and reads Docker's behind an index. So the image
/// keeps its bytes and its digest. (buildah 1.28: `no descriptor found for reference` without the index; and a Docker
/// manifest that is called OCI's has `unsupported image-specific operation on artifact`.)
async fn docker_index(top: &Manifest, layout: &Layout) -> Result<Option<Value>> {
    if !top.document.is_docker() {
        return Ok(None);
    }
    let entries = match &top.document.content {
        Content::Index(_) => {
            let list: Value = serde_json::from_slice(&top.bytes).unwrap_or_default();
            list.get("manifests").cloned().unwrap_or_default()
        }
        Content::Image { config, .. } => {
            let bytes = layout.read(config, CONFIG_BYTES).await?;
            let subject = format!("configuration {}", config.digest);
            let platform = ImageConfig::parse(&bytes, &subject)?.platform;
            let platform = platform.map(|platform| {
                json!({ "os": platform.os, "architecture": platform.architecture, "variant": platform.variant })
            });
            json!([{
                "mediaType": top.document.media_type,
                "digest": top.digest.as_str(),
                "size": top.bytes.len(),
                "platform": platform,
            }])
        }
    };
    Ok(Some(json!({ "schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": entries })))
}

fn descriptor(media_type: &str, digest: Digest, bytes: &[u8]) -> Descriptor {
    Descriptor { media_type: media_type.to_owned(), digest, size: bytes.len() as u64, is_no_platform: false }
}
