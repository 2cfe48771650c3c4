//! The documents of an OCI layout, read with their digests checked. Not their layers: see `verify`.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use artifact::{DiffId, Digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Error;

pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
pub(super) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
pub(super) const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
pub(super) const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar";
const DOCKER_LAYER_GZIP: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

/// What registries take for a manifest at most (OCI distribution-spec: at least 4 MiB must be supported).
const DOCUMENT_BYTES: u64 = 4 << 20;

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    media_type: String,
    digest: String,
    size: u64,
    #[serde(default)]
    urls: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    #[serde(default)]
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    config: Option<Settings>,
    rootfs: Rootfs,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "Labels", default)]
    labels: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Rootfs {
    #[serde(default)]
    diff_ids: Option<Vec<String>>,
}

/// One layer as its manifest and its configuration tell it.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// In OCI's media types.
    pub(super) media_type: &'static str,
    pub(super) digest: Digest,
    pub(super) size: u64,
    pub(super) diff_id: DiffId,
}

/// The one image of a layout: its documents are what their digests say; its layers have not been looked at.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) digest: Digest,
    pub(super) config_digest: Digest,
    /// The whole configuration, unknown fields included.
    pub(super) config: Value,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) layers: Vec<Layer>,
}

impl Image {
    pub(super) fn load(layout: &Path) -> Result<Self, Error> {
        let index = read(&plain(layout, "index.json")?, "index")?;
        let index: Index = parse("index", &index)?;
        let [descriptor] = index.manifests.as_slice() else {
            return Err(Error::NotOne(index.manifests.len()));
        };
        known("manifest", &descriptor.media_type, &[MANIFEST, DOCKER_MANIFEST])?;
        let (digest, text) = document(layout, "manifest", descriptor)?;
        let manifest: Manifest = parse("manifest", &text)?;
        if !manifest.media_type.is_empty() {
            known("manifest", &manifest.media_type, &[MANIFEST, DOCKER_MANIFEST])?;
        }
        known("configuration", &manifest.config.media_type, &[CONFIG, DOCKER_CONFIG])?;
        let (config_digest, text) = document(layout, "configuration", &manifest.config)?;
        let configuration: Configuration = parse("configuration", &text)?;
        let diff_ids = configuration.rootfs.diff_ids.unwrap_or_default();
        if diff_ids.len() != manifest.layers.len() {
            return Err(Error::Layers { diff_ids: diff_ids.len(), layers: manifest.layers.len() });
        }
        let layers = manifest.layers.iter().zip(&diff_ids).map(|(layer, diff_id)| Layer::of(layer, diff_id));
        Ok(Self {
            digest,
            config_digest,
            config: parse("configuration", &text)?,
            labels: configuration.config.and_then(|settings| settings.labels).unwrap_or_default(),
            layers: layers.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn diff_ids(&self) -> Vec<DiffId> {
        self.layers.iter().map(|layer| layer.diff_id.clone()).collect()
    }
}

impl Layer {
    fn of(descriptor: &Descriptor, diff_id: &str) -> Result<Self, Error> {
        let digest = digest("layer", &descriptor.digest)?;
        if !descriptor.urls.is_empty() {
            return Err(Error::Foreign(digest));
        }
        let media_type = match descriptor.media_type.as_str() {
            LAYER | DOCKER_LAYER => LAYER,
            LAYER_GZIP | DOCKER_LAYER_GZIP => LAYER_GZIP,
            LAYER_ZSTD => LAYER_ZSTD,
            other => {
                return Err(Error::MediaType {
                    what: "layer",
                    media_type: other.chars().take(100).collect(),
                });
            }
        };
        let diff_id = DiffId::from(self::digest("uncompressed layer", diff_id)?);
        Ok(Self { media_type, digest, size: descriptor.size, diff_id })
    }
}

/// Where a blob lies, below the layout.
pub(super) fn blob(digest: &Digest) -> String {
    let algorithm = digest.as_str().split(':').next().unwrap_or_default();
    format!("blobs/{algorithm}/{}", digest.hex())
}

/// `name` below `layout`, where no step of the way is a link: whoever wrote it may have wished to show us another file.
pub(super) fn plain(layout: &Path, name: &str) -> Result<PathBuf, Error> {
    let mut path = layout.to_owned();
    for component in name.split('/') {
        path.push(component);
        let metadata = fs::symlink_metadata(&path);
        let metadata =
            metadata.map_err(|source| Error::File { doing: "reading", path: path.clone(), source })?;
        if !metadata.is_dir() && !metadata.is_file() {
            return Err(Error::NotPlain(path));
        }
    }
    Ok(path)
}

fn document(layout: &Path, what: &'static str, descriptor: &Descriptor) -> Result<(Digest, Vec<u8>), Error> {
    let expected = digest(what, &descriptor.digest)?;
    let text = read(&plain(layout, &blob(&expected))?, what)?;
    let found = Digest::of(&text);
    if found != expected || text.len() as u64 != descriptor.size {
        return Err(Error::Content { what, expected, found: format!("{found}, {} bytes", text.len()) });
    }
    Ok((expected, text))
}

fn read(path: &Path, what: &'static str) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { doing: "reading", path: path.to_owned(), source };
    let mut text = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(DOCUMENT_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    match text.len() as u64 > DOCUMENT_BYTES {
        true => Err(Error::TooLarge { what, limit: DOCUMENT_BYTES }),
        false => Ok(text),
    }
}

fn parse<T: DeserializeOwned>(what: &'static str, text: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|source| Error::Document { what, source })
}

fn digest(what: &'static str, text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|invalid| Error::Document { what, source: serde::de::Error::custom(invalid) })
}

fn known(what: &'static str, media_type: &str, known: &[&str]) -> Result<(), Error> {
    match known.contains(&media_type) {
        true => Ok(()),
        false => Err(Error::MediaType { what, media_type: media_type.chars().take(100).collect() }),
    }
}
