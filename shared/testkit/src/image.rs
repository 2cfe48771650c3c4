//! Small images made by hand, byte for byte the same at every run. Not a builder: no Dockerfile, no commands run.

mod layer;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use artifact::{DiffId, Digest, ImageRef, Platform};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

pub use layer::LayerRecipe;

/// Any fixed time does: what is made twice must be the same twice.
const CREATED: &str = "2024-01-01T00:00:00Z";

/// The names by which media types are called: OCI's, or Docker's manifest version 2, schema 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/vnd.oci.image.…`
    Oci,
    /// `application/vnd.docker.…`
    Docker,
}

/// What an image is made of; build on another by [`ImageRecipe::on`].
#[derive(Debug, Clone)]
pub struct ImageRecipe {
    layers: Vec<LayerRecipe>,
    command: Vec<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    environment: Vec<String>,
    triggers: Vec<String>,
    platform: Platform,
    format: Format,
}

/// A made image or index: one manifest with everything below it.
#[derive(Debug, Clone)]
pub struct Image {
    manifest: Blob,
    platform: Option<Platform>,
    config_digest: Option<Digest>,
    layers: Vec<DiffId>,
    below: Vec<Blob>,
}

#[derive(Debug, Clone)]
struct Blob {
    media_type: &'static str,
    digest: Digest,
    bytes: Vec<u8>,
}

impl Default for ImageRecipe {
    fn default() -> Self {
        Self {
            layers: Vec::new(),
            command: vec!["/bin/sh".to_owned()],
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            environment: vec!["PATH=/bin".to_owned()],
            triggers: Vec::new(),
            platform: Platform { os: "linux".to_owned(), architecture: "amd64".to_owned(), variant: None },
            format: Format::Oci,
        }
    }
}

impl ImageRecipe {
    /// An OCI image for linux/amd64 without layers.
    #[must_use]
    pub fn scratch() -> Self {
        Self::default()
    }

    /// An image on `base`: its layers lie below, its command, labels and environment are inherited.
    #[must_use]
    pub fn on(base: &Self) -> Self {
        Self { annotations: BTreeMap::new(), triggers: Vec::new(), ..base.clone() }
    }

    /// Adds a layer on top.
    #[must_use]
    pub fn layer(mut self, layer: LayerRecipe) -> Self {
        self.layers.push(layer);
        self
    }

    /// Sets what a container of it runs.
    #[must_use]
    pub fn command(mut self, command: &[&str]) -> Self {
        self.command = command.iter().map(|word| (*word).to_owned()).collect();
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn label(mut self, key: &str, value: &str) -> Self {
        self.labels.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an annotation to the manifest (OCI format only).
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push(format!("{name}={value}"));
        self
    }

    /// Adds an ONBUILD trigger.
    #[must_use]
    pub fn trigger(mut self, instruction: &str) -> Self {
        self.triggers.push(instruction.to_owned());
        self
    }

    /// Sets the platform.
    #[must_use]
    pub fn platform(mut self, platform: Platform) -> Self {
        self.platform = platform;
        self
    }

    /// Sets the media types.
    #[must_use]
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// Makes the image.
    ///
    /// # Errors
    /// When a path is none that a tar archive can hold.
    pub fn make(&self) -> Result<Image> {
        self.make_with(|_| ())
    }

    /// Makes the image with its configuration changed by `edit` at the last moment: for images that lie.
    ///
    /// # Errors
    /// As [`Self::make`].
    pub fn make_with(&self, edit: impl FnOnce(&mut Value)) -> Result<Image> {
        let types = self.format.media_types();
        let mut layers = Vec::new();
        let mut blobs = Vec::new();
        for layer in &self.layers {
            let archive = layer.tar()?;
            layers.push(DiffId::from(Digest::of(&archive)));
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(&archive)?;
            blobs.push(Blob::new(types.layer, packed.finish()?));
        }
        let diff_ids: Vec<String> = layers.iter().map(ToString::to_string).collect();
        let history = json!({ "created": CREATED, "created_by": "plimsoll testkit" });
        let mut config = json!({
            "created": CREATED,
            "os": self.platform.os,
            "architecture": self.platform.architecture,
            "config": { "Env": self.environment, "Cmd": self.command, "Labels": self.labels },
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
            "history": vec![history; diff_ids.len()],
        });
        if let (Some(variant), Some(config)) = (&self.platform.variant, config.as_object_mut()) {
            config.insert("variant".to_owned(), json!(variant));
        }
        if let (false, Some(container)) = (self.triggers.is_empty(), config.pointer_mut("/config")) {
            container["OnBuild"] = json!(self.triggers);
        }
        edit(&mut config);
        let config = Blob::new(types.config, config.to_string().into_bytes());
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": types.manifest,
            "config": config.descriptor(),
            "layers": blobs.iter().map(Blob::descriptor).collect::<Vec<_>>(),
        });
        if let (Format::Oci, false, Some(manifest)) =
            (self.format, self.annotations.is_empty(), manifest.as_object_mut())
        {
            manifest.insert("annotations".to_owned(), json!(self.annotations));
        }
        let config_digest = Some(config.digest.clone());
        blobs.push(config);
        Ok(Image {
            manifest: Blob::new(types.manifest, manifest.to_string().into_bytes()),
            platform: Some(self.platform.clone()),
            config_digest,
            layers,
            below: blobs,
        })
    }
}

impl Image {
    /// An OCI index of `images`, in their order; indexes among them are nested.
    #[must_use]
    pub fn index(images: &[Self]) -> Self {
        let entries: Vec<Value> = images.iter().map(Self::entry).collect();
        let media_type = "application/vnd.oci.image.index.v1+json";
        let index = json!({ "schemaVersion": 2, "mediaType": media_type, "manifests": entries });
        let parts = images.iter().flat_map(|image| std::iter::once(&image.manifest).chain(&image.below));
        Self {
            manifest: Blob::new(media_type, index.to_string().into_bytes()),
            platform: None,
            config_digest: None,
            layers: Vec::new(),
            below: parts.cloned().collect(),
        }
    }

    /// The digest of the manifest or index.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.manifest.digest
    }

    /// The digest of the configuration, which is Docker's image id; none for an index.
    #[must_use]
    pub fn config_digest(&self) -> Option<&Digest> {
        self.config_digest.as_ref()
    }

    /// The uncompressed layers, bottom first; none for an index.
    #[must_use]
    pub fn layers(&self) -> &[DiffId] {
        &self.layers
    }

    /// The digests of the blobs as they are stored: compressed layers bottom first, then the configuration.
    #[must_use]
    pub fn blobs(&self) -> Vec<Digest> {
        self.below.iter().map(|blob| blob.digest.clone()).collect()
    }

    /// Writes an OCI layout with this image alone, under `name` (`oci:DIRECTORY:NAME`).
    ///
    /// # Errors
    /// When the directory can't be written.
    pub fn write_layout(&self, directory: &Path, name: &str) -> Result<()> {
        let blobs = directory.join("blobs/sha256");
        std::fs::create_dir_all(&blobs).with_context(|| format!("making {}", blobs.display()))?;
        for blob in std::iter::once(&self.manifest).chain(&self.below) {
            std::fs::write(blobs.join(blob.digest.hex()), &blob.bytes)?;
        }
        let mut entry = self.entry();
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("annotations".to_owned(), json!({ "org.opencontainers.image.ref.name": name }));
        }
        let index = json!({ "schemaVersion": 2, "manifests": [entry] });
        std::fs::write(directory.join("index.json"), index.to_string())?;
        std::fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)?;
        Ok(())
    }

    /// Pushes the image through `client` and tags it, where `target` has a tag.
    ///
    /// # Errors
    /// When the registry does not take it.
    pub async fn push(&self, client: &registry::Client, target: &ImageRef) -> Result<Digest> {
        let layout = tempfile::tempdir().context("making a directory for a layout")?;
        self.write_layout(layout.path(), "image")?;
        let digest = client.push_layout(layout.path(), target.repository(), &[]).await?;
        if let Some(tag) = target.tag() {
            client.tag(target.repository(), &digest, tag).await?;
        }
        Ok(digest)
    }

    fn entry(&self) -> Value {
        let mut entry = self.manifest.descriptor();
        if let (Some(platform), Some(entry)) = (&self.platform, entry.as_object_mut()) {
            let Platform { os, architecture, variant } = platform;
            let mut platform = json!({ "os": os, "architecture": architecture });
            if let (Some(variant), Some(platform)) = (variant, platform.as_object_mut()) {
                platform.insert("variant".to_owned(), json!(variant));
            }
            entry.insert("platform".to_owned(), platform);
        }
        entry
    }
}

impl Blob {
    fn new(media_type: &'static str, bytes: Vec<u8>) -> Self {
        Self { media_type, digest: Digest::of(&bytes), bytes }
    }

    fn descriptor(&self) -> Value {
        json!({ "mediaType": self.media_type, "digest": self.digest.as_str(), "size": self.bytes.len() })
    }
}

struct MediaTypes {
    manifest: &'static str,
    config: &'static str,
    layer: &'static str,
}

impl Format {
    fn media_types(self) -> MediaTypes {
        match self {
            Self::Oci => MediaTypes {
                manifest: "application/vnd.oci.image.manifest.v1+json",
                config: "application/vnd.oci.image.config.v1+json",
                layer: "application/vnd.oci.image.layer.v1.tar+gzip",
            },
            Self::Docker => MediaTypes {
                manifest: "application/vnd.docker.distribution.manifest.v2+json",
                config: "application/vnd.docker.container.image.v1+json",
                layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_recipe_makes_the_same_image() {
        let base = ImageRecipe::scratch().layer(LayerRecipe::new().file("etc/version", "10.4.8"));
        let derived = ImageRecipe::on(&base).layer(LayerRecipe::new().file("app", "1")).label("team", "a");
        assert_eq!(derived.make().unwrap().digest(), derived.make().unwrap().digest());
        assert_ne!(derived.make().unwrap().digest(), base.make().unwrap().digest());
        assert_eq!(derived.make().unwrap().layers()[..1], *base.make().unwrap().layers());
    }
}
