//! Manifests, indexes and configurations as they stand in a registry, read without guessing. Not fetched here.
//!
//! OCI image-spec `manifest.md`, `image-index.md`, `config.md`, and Docker's image manifest version 2, schema 2. A document
//! that two readers could take for two different things is refused.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{DiffId, Digest, Platform};
use oci_client::manifest::{
    IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE, OCI_IMAGE_INDEX_MEDIA_TYPE, OCI_IMAGE_MEDIA_TYPE,
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use crate::{Error, Result};

/// What we say that we read.
pub(crate) const MANIFEST_MEDIA_TYPES: [&str; 4] = [
    OCI_IMAGE_MEDIA_TYPE,
    OCI_IMAGE_INDEX_MEDIA_TYPE,
    IMAGE_MANIFEST_MEDIA_TYPE,
    IMAGE_MANIFEST_LIST_MEDIA_TYPE,
];
const INDEX_MEDIA_TYPES: [&str; 2] = [OCI_IMAGE_INDEX_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE];
const IMAGE_MEDIA_TYPES: [&str; 2] = [OCI_IMAGE_MEDIA_TYPE, IMAGE_MANIFEST_MEDIA_TYPE];

/// Largest number of layers read: runtimes stop at 127.
const MAX_LAYERS: usize = 1024;

pub(crate) type Texts = BTreeMap<String, String>;

/// A manifest of either kind.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) media_type: String,
    pub(crate) annotations: Texts,
    pub(crate) content: Content,
}

#[derive(Debug)]
pub(crate) enum Content {
    Index(Vec<Descriptor>),
    Image { config: Descriptor, layers: Vec<Descriptor> },
}

impl Content {
    /// The blobs of an image, each once: images repeat their empty layers. None for an index.
    pub(crate) fn blobs(&self) -> Vec<&Descriptor> {
        let Self::Image { config, layers } = self else { return Vec::new() };
        let mut seen = BTreeSet::new();
        std::iter::once(config).chain(layers).filter(|blob| seen.insert(&blob.digest)).collect()
    }
}

/// What a document points at.
#[derive(Debug, Clone)]
pub(crate) struct Descriptor {
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    /// Whether it is the `unknown/unknown` that builders give to what is no image (attestations).
    pub(crate) is_no_platform: bool,
}

/// What a configuration says of its image.
#[derive(Debug)]
pub(crate) struct ImageConfig {
    pub(crate) platform: Option<Platform>,
    pub(crate) layers: Vec<DiffId>,
    pub(crate) labels: Texts,
    /// `OnBuild`: what builders carry out in every build on the image.
    pub(crate) triggers: Vec<String>,
}

impl Descriptor {
    /// Whether it is the configuration of an image, by its media type; other artifacts have configurations of their own.
    pub(crate) fn is_image_config(&self) -> bool {
        [IMAGE_CONFIG_MEDIA_TYPE, IMAGE_DOCKER_CONFIG_MEDIA_TYPE].contains(&self.media_type.as_str())
    }
}

impl Document {
    /// Reads a manifest that came with the media type `declared`, where one came.
    pub(crate) fn parse(bytes: &[u8], declared: Option<&str>, subject: &str) -> Result<Self> {
        let wire: WireManifest = read(bytes, subject, &MANIFEST_OBJECTS)?;
        let malformed = |reason: &str| Error::malformed(subject, reason);
        if wire.schema_version != 2 {
            return Err(malformed("its schemaVersion is not 2; push it again with a current tool"));
        }
        let content = match (wire.manifests, wire.config, wire.layers) {
            (Some(manifests), None, None) => Content::Index(descriptors(manifests, subject)?),
            (None, Some(config), Some(layers)) if layers.len() <= MAX_LAYERS => {
                Content::Image { config: config.read(subject)?, layers: descriptors(layers, subject)? }
            }
            (None, Some(_), Some(_)) => return Err(malformed("it has more layers than any runtime takes")),
            (Some(_), _, _) => return Err(malformed("it is an index and an image manifest at once")),
            (None, _, _) => return Err(malformed("it is neither an index nor an image manifest")),
        };
        let own_types = match content {
            Content::Index(_) => INDEX_MEDIA_TYPES,
            Content::Image { .. } => IMAGE_MEDIA_TYPES,
        };
        // Media types may carry parameters.
        let declared = declared.map(|text| text.split(';').next().unwrap_or_default().trim());
        let declared = declared.filter(|text| MANIFEST_MEDIA_TYPES.contains(text));
        let media_type = match (wire.media_type.as_deref(), declared) {
            (Some(inside), Some(outside)) if inside != outside => {
                return Err(malformed("its mediaType is another one than the registry declares"));
            }
            (Some(either), _) | (None, Some(either)) => either,
            // The field is optional in OCI documents alone.
            (None, None) => *own_types.first().unwrap_or(&OCI_IMAGE_MEDIA_TYPE),
        };
        if !own_types.contains(&media_type) {
            return Err(Error::malformed(
                subject,
                format!("its content is not of its media type `{media_type}`"),
            ));
        }
        Ok(Self {
            media_type: media_type.to_owned(),
            annotations: wire.annotations.unwrap_or_default(),
            content,
        })
    }

    /// Whether it goes by Docker's media types.
    pub(crate) fn is_docker(&self) -> bool {
        [IMAGE_MANIFEST_MEDIA_TYPE, IMAGE_MANIFEST_LIST_MEDIA_TYPE].contains(&self.media_type.as_str())
    }
}

impl ImageConfig {
    pub(crate) fn parse(bytes: &[u8], subject: &str) -> Result<Self> {
        let wire: WireConfig = read(bytes, subject, &CONFIG_OBJECTS)?;
        let layers: Option<Vec<DiffId>> =
            wire.rootfs.diff_ids.unwrap_or_default().iter().map(|text| text.parse().ok()).collect();
        let layers = layers.ok_or_else(|| Error::malformed(subject, "a diff id is not a digest"))?;
        let platform = match (wire.os.as_deref(), wire.architecture.as_deref()) {
            (Some(os), Some(architecture)) if !os.is_empty() && !architecture.is_empty() => {
                let variant = wire.variant.filter(|text| !text.is_empty()).map(|text| format!("/{text}"));
                let text = format!("{os}/{architecture}{}", variant.unwrap_or_default());
                Some(text.parse().map_err(|error| Error::malformed(subject, format!("{error}")))?)
            }
            _ => None,
        };
        let (labels, triggers) =
            wire.config.map(|WireContainer { labels, triggers }| (labels, triggers)).unwrap_or_default();
        let (labels, triggers) = (labels.unwrap_or_default(), triggers.unwrap_or_default());
        Ok(Self { platform, layers, labels, triggers })
    }
}

/// Where objects stand (`None` at the top) and the keys of theirs that mean something.
type KeyedObjects = (Option<&'static str>, &'static [&'static str]);

const DESCRIPTOR_KEYS: &[&str] = &["mediaType", "digest", "size", "platform"];
const MANIFEST_OBJECTS: [KeyedObjects; 4] = [
    (None, &["schemaVersion", "mediaType", "config", "layers", "manifests", "annotations"]),
    (Some("config"), DESCRIPTOR_KEYS),
    (Some("layers"), DESCRIPTOR_KEYS),
    (Some("manifests"), DESCRIPTOR_KEYS),
];
const CONFIG_OBJECTS: [KeyedObjects; 3] = [
    (None, &["os", "architecture", "variant", "config", "rootfs"]),
    (Some("config"), &["Labels", "OnBuild"]),
    (Some("rootfs"), &["type", "diff_ids"]),
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireManifest {
    schema_version: u32,
    media_type: Option<String>,
    config: Option<WireDescriptor>,
    layers: Option<Vec<WireDescriptor>>,
    manifests: Option<Vec<WireDescriptor>>,
    annotations: Option<Texts>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<WirePlatform>,
}

#[derive(Deserialize)]
struct WirePlatform {
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
}

#[derive(Deserialize)]
struct WireConfig {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
    config: Option<WireContainer>,
    rootfs: WireRootfs,
}

#[derive(Deserialize)]
struct WireContainer {
    #[serde(rename = "Labels")]
    labels: Option<Texts>,
    #[serde(rename = "OnBuild")]
    triggers: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct WireRootfs {
    diff_ids: Option<Vec<String>>,
}

impl WireDescriptor {
    fn read(self, subject: &str) -> Result<Descriptor> {
        let Self { media_type, digest, size, platform } = self;
        let digest = digest.parse().map_err(|error| Error::malformed(subject, format!("{error}")))?;
        let is_no_platform =
            platform.is_some_and(|platform| platform.os == "unknown" && platform.architecture == "unknown");
        Ok(Descriptor { media_type, digest, size, is_no_platform })
    }
}

fn descriptors(wire: Vec<WireDescriptor>, subject: &str) -> Result<Vec<Descriptor>> {
    wire.into_iter().map(|descriptor| descriptor.read(subject)).collect()
}

/// Reads JSON whose objects, at the paths given, spell none of our keys in another way that folds to ours: runtimes
/// written in Go would take `Layers` for `layers`, and so run something else than we saw. Keys given twice are refused by
/// serde.
fn read<T: DeserializeOwned>(bytes: &[u8], subject: &str, objects: &[KeyedObjects]) -> Result<T> {
    let unreadable =
        |error: serde_json::Error| Error::malformed(subject, format!("it can't be read: {error}"));
    let value: Value = serde_json::from_slice(bytes).map_err(unreadable)?;
    for (path, keys) in objects {
        let lookalike = |object: &Value| object.as_object().and_then(|object| lookalike(object, keys));
        if let Some(key) = at(&value, *path).into_iter().find_map(lookalike) {
            return Err(Error::malformed(subject, format!("its key `{key}` is ambiguous")));
        }
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

/// What lies at `path`; the elements, where a list does.
fn at<'a>(value: &'a Value, path: Option<&str>) -> Vec<&'a Value> {
    match path.map(|key| value.get(key)) {
        None => vec![value],
        Some(Some(Value::Array(elements))) => elements.iter().collect(),
        Some(Some(object)) => vec![object],
        Some(None) => Vec::new(),
    }
}

fn lookalike(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    let differs = |found: &&String| keys.iter().any(|key| *found != key && folded(found) == folded(key));
    object.keys().find(differs).cloned()
}

/// Go's `encoding/json` folds these two letters to ASCII besides upper and lower case.
fn folded(key: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    key.chars().map(fold).collect()
}

#[cfg(test)]
mod tests;
