//! What Docker knows of an image, in our words. What a registry knows of it is asked elsewhere.

use std::collections::HashMap;

use artifact::{Digest, ImageFacts, ImageRef, Platform};
use bollard::{models::ImageInspect, query_parameters::ListImagesOptionsBuilder};
use tracing::debug;

use super::{Docker, found};
use crate::{error::Error, image::Image};

/// OCI image-spec, annotations.md: "the image reference of the image this image is based on".
const BASE_NAME: &str = "org.opencontainers.image.base.name";

impl Docker {
    pub(crate) async fn image(&self, name_or_id: &str) -> Result<Option<Image>, Error> {
        let Some(image) = self.inspect_image(name_or_id).await? else { return Ok(None) };
        let id = image.id.as_deref().unwrap_or_default().parse().map_err(|error| Error::Malformed {
            subject: format!("image {name_or_id}"),
            reason: format!("{error}"),
        })?;
        Ok(Some(Image { id, facts: facts(&image, name_or_id) }))
    }

    pub(crate) async fn image_ids(&self) -> Result<Vec<Digest>, Error> {
        let client = self.client().await?;
        let options = ListImagesOptionsBuilder::default().all(true).build();
        let listed = self.bounded("the images", client.list_images(Some(options))).await?;
        Ok(listed.into_iter().filter_map(|image| image.id.parse().ok()).collect())
    }

    /// Asked for again each time: an image keeps its id while its names come and go.
    pub(super) async fn inspect_image(&self, name_or_id: &str) -> Result<Option<ImageInspect>, Error> {
        if !is_image_name(name_or_id) {
            return Ok(None);
        }
        let client = self.client().await?;
        found(self.bounded(format!("image {name_or_id}"), client.inspect_image(name_or_id)).await)
    }
}

/// The facts of an image that goes by `name` too.
pub(super) fn facts(image: &ImageInspect, name: &str) -> ImageFacts {
    let id = image.id.as_deref().unwrap_or_default();
    let names = image.repo_tags.iter().chain(&image.repo_digests).flatten();
    let mut facts =
        ImageFacts { references: reference(name, id).into_iter().collect(), ..ImageFacts::default() };
    for reference in names.filter_map(|name| reference(name, id)) {
        facts.digests.extend(reference.digest().cloned());
        if !facts.references.contains(&reference) {
            facts.references.push(reference);
        }
    }
    facts.digests.extend(id.parse::<Digest>());
    let layers =
        image.root_fs.as_ref().and_then(|filesystem| filesystem.layers.as_deref()).unwrap_or_default();
    // A chain with a gap would be another image's: none is better, for it makes a verdict stricter.
    facts.layers =
        layers.iter().map(|layer| layer.parse()).collect::<Result<_, _>>().unwrap_or_else(|error| {
            debug!(id, %error, "Image has a layer that cannot be named.");
            Vec::new()
        });
    facts.platform = platform(image);
    let labels = image.config.as_ref().and_then(|config| config.labels.as_ref());
    let base = labels.and_then(|labels| labels.get(BASE_NAME));
    facts.claimed_bases = base.and_then(|base| reference(base, "")).into_iter().collect();
    facts
}

/// What is left of an image that the runtime no longer has: its id, a name, and the labels that its container has of it.
pub(super) fn facts_of_lost(id: &Digest, name: &str, labels: &HashMap<String, String>) -> ImageFacts {
    ImageFacts {
        claimed_bases: labels.get(BASE_NAME).and_then(|base| reference(base, "")).into_iter().collect(),
        references: reference(name, id.as_str()).into_iter().collect(),
        digests: [id.clone()].into(),
        ..ImageFacts::default()
    }
}

/// The reference that `name` is; none for what names the image `id` by its id, which would read as a repository.
fn reference(name: &str, id: &str) -> Option<ImageRef> {
    let hex = id.rsplit(':').next().unwrap_or_default();
    if name.is_empty() || id.starts_with(name) || hex.starts_with(name) || name.parse::<Digest>().is_ok() {
        return None;
    }
    name.parse().map_err(|error| debug!(%error, "Image has a name that is no reference.")).ok()
}

fn platform(image: &ImageInspect) -> Option<Platform> {
    let (os, architecture) = (image.os.as_deref()?, image.architecture.as_deref()?);
    let variant = image.variant.as_deref().filter(|variant| !variant.is_empty());
    let words = [os, architecture].into_iter().chain(variant);
    words.collect::<Vec<_>>().join("/").parse().ok()
}

/// Whether it can be a reference or an id, and has nothing in it that would leave its place in the path of a request.
fn is_image_name(text: &str) -> bool {
    let signs = |b: u8| matches!(b, b'_' | b'.' | b'-' | b'/' | b':' | b'@' | b'[' | b']');
    text.len() <= 512
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || signs(b))
        && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(is_image_name(text), accepted, "{text}");
    }

    #[test]
    fn a_name_stays_in_its_place_in_the_path() {
        check("busybox", true);
        check("localhost:5000/team/app:1.2", true);
        check(&format!("app@sha256:{}", "a".repeat(64)), true);
        check("[::1]:5000/app", true);
        check("4f2a9c", true);
        check("", false);
        check("../containers/x", false);
        check("a/../b", false);
        check("a//b", false);
        check("a?b", false);
        check("a%2fb", false);
        check("a#b", false);
        check(&"a".repeat(513), false);
    }

    #[test]
    fn an_id_is_no_reference() {
        let id = Digest::of(b"image");
        assert_eq!(reference(id.as_str(), id.as_str()), None);
        assert_eq!(reference(id.short(), id.as_str()), None);
        assert_eq!(reference(id.hex(), id.as_str()), None);
        assert_eq!(reference("<none>:<none>", id.as_str()), None);
        assert_eq!(
            reference("busybox", id.as_str()).unwrap().to_string(),
            "docker.io/library/busybox:latest"
        );
    }

    #[test]
    fn a_layer_that_cannot_be_read_leaves_no_chain() {
        let good = Digest::of(b"layer").to_string();
        let image = |layers: &[&str]| ImageInspect {
            id: Some(Digest::of(b"image").to_string()),
            root_fs: Some(bollard::models::ImageInspectRootFs {
                typ: "layers".to_owned(),
                layers: Some(layers.iter().map(|layer| (*layer).to_owned()).collect()),
            }),
            ..ImageInspect::default()
        };
        assert_eq!(facts(&image(&[&good]), "app").layers.len(), 1);
        assert!(facts(&image(&[&good, "sha256:short"]), "app").layers.is_empty());
    }
}
