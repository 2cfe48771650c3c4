//! The image that is published, made from what a build left: the bases' own layers, the new ones compressed, our labels and
//! annotations. Not a change of any layer's content: the layer chain is the one that was built.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write};
use std::path::Path;

use artifact::Digest;
use flate2::{Compression, GzBuilder};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::document::{self, CONFIG, Image, LAYER_GZIP, Layer, MANIFEST};
use super::verify::{self, Hashing};
use super::{Built, Error};

/// What the worker adds to an image.
#[derive(Debug, Clone, Default)]
pub struct Additions {
    /// Labels; they win over the image's own.
    pub labels: BTreeMap<String, String>,
    /// Annotations of the manifest; it gets no others.
    pub annotations: BTreeMap<String, String>,
    /// Comments in the history that name a place in the isolation, and the base that lay there.
    pub names: BTreeMap<String, String>,
}

/// Verifies the layout at `built` and makes the one to publish at `output`, which must not exist. Blocking.
///
/// Where the image stands on one of `bases` it gets that one's layers as they lie in the registry: a driver packs them anew,
/// and the same content under another digest would be stored and pushed again. `bases` are layouts that were checked before.
pub fn finish(
    built: &Path,
    bases: &[impl AsRef<Path>],
    additions: &Additions,
    output: &Path,
) -> Result<Built, Error> {
    verify::verify(built)?;
    let mut image = Image::load(built)?;
    let writing = |path: &Path, source| Error::File { doing: "writing", path: path.to_owned(), source };
    let blobs = output.join("blobs/sha256");
    fs::create_dir_all(&blobs).map_err(|source| writing(&blobs, source))?;

    let (base, below) = ground(&image, bases)?;
    let mut layers = Vec::new();
    for layer in &below {
        let from = document::plain(base.unwrap_or(built), &document::blob(&layer.digest))?;
        let to = output.join(document::blob(&layer.digest));
        link(&from, &to).map_err(|source| writing(&to, source))?;
        layers.push(descriptor(layer.media_type, &layer.digest, layer.size));
    }
    for layer in image.layers.get(below.len()..).unwrap_or_default() {
        let from = document::plain(built, &document::blob(&layer.digest))?;
        layers.push(match layer.media_type {
            document::LAYER => compress(&from, output).map_err(|source| writing(output, source))?,
            media_type => {
                let to = output.join(document::blob(&layer.digest));
                link(&from, &to).map_err(|source| writing(&to, source))?;
                descriptor(media_type, &layer.digest, layer.size)
            }
        });
    }

    amend(&mut image, additions);
    let (config_digest, config) = put(output, CONFIG, &image.config)?;
    let mut manifest =
        json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
    if let (false, Some(manifest)) = (additions.annotations.is_empty(), manifest.as_object_mut()) {
        manifest.insert("annotations".to_owned(), json!(additions.annotations));
    }
    let (digest, manifest) = put(output, MANIFEST, &manifest)?;
    let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
    for (name, text) in [("index.json", index), ("oci-layout", json!({ "imageLayoutVersion": "1.0.0" }))] {
        let path = output.join(name);
        fs::write(&path, text.to_string()).map_err(|source| writing(&path, source))?;
    }
    Ok(Built { digest, config_digest, layers: image.diff_ids(), labels: image.labels })
}

/// The base with the most layers that the image stands on as a whole, and these layers as they lie there.
fn ground<'a>(image: &Image, bases: &'a [impl AsRef<Path>]) -> Result<(Option<&'a Path>, Vec<Layer>), Error> {
    let chain = image.diff_ids();
    let mut ground = (None, Vec::new());
    for base in bases {
        let layers = Image::load(base.as_ref())?.layers;
        let stands = layers.len() <= chain.len()
            && layers.iter().zip(&chain).all(|(layer, own)| layer.diff_id == *own);
        if stands && layers.len() > ground.1.len() {
            ground = (Some(base.as_ref()), layers);
        }
    }
    Ok(ground)
}

fn amend(image: &mut Image, additions: &Additions) {
    image.labels.extend(additions.labels.clone());
    let Some(config) = image.config.as_object_mut() else { return };
    if !image.labels.is_empty() {
        let settings = config.entry("config").or_insert_with(|| Value::Object(Map::new()));
        if settings.is_null() {
            *settings = Value::Object(Map::new());
        }
        if let Some(settings) = settings.as_object_mut() {
            settings.insert("Labels".to_owned(), json!(image.labels));
        }
    }
    for step in config.get_mut("history").and_then(Value::as_array_mut).into_iter().flatten() {
        let Some(comment) = step.get_mut("comment") else { continue };
        if let Some(name) = comment.as_str().and_then(|comment| additions.names.get(comment)) {
            *comment = Value::String(format!("FROM {name}"));
        }
    }
}

/// A second name for the same bytes, or a copy where that cannot be.
fn link(from: &Path, to: &Path) -> io::Result<()> {
    // The same layer may stand in an image twice.
    if to.exists() {
        return Ok(());
    }
    if let Some(dir) = to.parent() {
        fs::create_dir_all(dir)?;
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(|_| ()))
}

/// Writes the layer at `from` to `output` compressed. The same content gives the same bytes: the header has neither name nor time.
fn compress(from: &Path, output: &Path) -> io::Result<Value> {
    let unnamed = output.join("layer");
    let mut hash = Sha256::new();
    let mut file = Counting { file: File::create(&unnamed)?, bytes: 0 };
    let mut gzip =
        GzBuilder::new().mtime(0).write(Both(&mut file, Hashing(&mut hash)), Compression::default());
    io::copy(&mut BufReader::with_capacity(1 << 17, File::open(from)?), &mut gzip)?;
    gzip.finish()?;
    let (digest, size) = (verify::of(hash)?, file.bytes);
    fs::rename(unnamed, output.join(document::blob(&digest)))?;
    Ok(descriptor(LAYER_GZIP, &digest, size))
}

fn put(output: &Path, media_type: &str, document: &Value) -> Result<(Digest, Value), Error> {
    let text = document.to_string();
    let digest = Digest::of(text.as_bytes());
    let path = output.join(document::blob(&digest));
    fs::write(&path, &text).map_err(|source| Error::File { doing: "writing", path, source })?;
    let descriptor = descriptor(media_type, &digest, text.len() as u64);
    Ok((digest, descriptor))
}

fn descriptor(media_type: &str, digest: &Digest, size: u64) -> Value {
    json!({ "mediaType": media_type, "digest": digest.as_str(), "size": size })
}

struct Counting {
    file: File,
    bytes: u64,
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes the same to both.
struct Both<'a>(&'a mut Counting, Hashing<'a>);

impl Write for Both<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.0.write(bytes)?;
        self.1.write_all(bytes.get(..written).unwrap_or_default())?;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
