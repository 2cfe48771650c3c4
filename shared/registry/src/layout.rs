//! An OCI image layout on disk (image-spec, image-layout.md): blobs by digest and an index of names. Not their transport.
//!
//! A layout may come from an untrusted build: nothing in it is followed out of it, and every byte read is verified.

use std::{
    io,
    path::{Path, PathBuf},
};

use artifact::Digest;
use oci_client::manifest::OCI_IMAGE_INDEX_MEDIA_TYPE;
use serde_json::{Value, json};
use tokio::{
    fs,
    io::{AsyncReadExt, AsyncWriteExt},
};

use crate::{
    Error, Result,
    document::{Content, Descriptor, Document},
    hash::Hasher,
    manifest::MANIFEST_BYTES,
};

/// The annotation by which tools find an entry (`oci:DIR:NAME`).
const NAME_ANNOTATION: &str = "org.opencontainers.image.ref.name";
const MARKER: &str = "oci-layout";
const INDEX: &str = "index.json";
/// What is hashed at once.
const CHUNK_BYTES: usize = 256 * 1024;

/// A layout at a directory. One writer at a time.
pub(crate) struct Layout {
    directory: PathBuf,
}

impl Layout {
    pub(crate) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Makes an empty layout where there is none.
    pub(crate) async fn create(&self) -> Result<()> {
        let marker = self.directory.join(MARKER);
        fs::create_dir_all(&self.directory)
            .await
            .map_err(|error| Error::unwritable(&self.directory, error))?;
        if !fs::try_exists(&marker).await.map_err(|error| Error::unreadable(&marker, error))? {
            let version = json!({ "imageLayoutVersion": "1.0.0" }).to_string();
            fs::write(&marker, version).await.map_err(|error| Error::unwritable(&marker, error))?;
        }
        Ok(())
    }

    /// The one entry of its index.
    pub(crate) async fn sole_entry(&self) -> Result<Descriptor> {
        let path = self.directory.join(INDEX);
        let subject = self.subject();
        let mut bytes = Vec::new();
        let file = self.open(&path).await?;
        file.take(MANIFEST_BYTES)
            .read_to_end(&mut bytes)
            .await
            .map_err(|error| Error::unreadable(&path, error))?;
        let index = Document::parse(&bytes, Some(OCI_IMAGE_INDEX_MEDIA_TYPE), &subject)?;
        let Content::Index(entries) = index.content else {
            return Err(Error::malformed(&subject, format!("its {INDEX} is no index")));
        };
        match <[Descriptor; 1]>::try_from(entries) {
            Ok([entry]) => Ok(entry),
            Err(entries) => {
                let count = entries.len();
                Err(Error::malformed(&subject, format!("it holds {count} images; one is pushed at a time")))
            }
        }
    }

    /// Where a blob is or will be.
    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        let (algorithm, hex) = digest.as_str().split_once(':').unwrap_or_default();
        self.directory.join("blobs").join(algorithm).join(hex)
    }

    /// The bytes of a blob of at most `limit`, verified.
    pub(crate) async fn read(&self, descriptor: &Descriptor, limit: u64) -> Result<Vec<u8>> {
        if descriptor.size > limit {
            return Err(Error::TooLarge { subject: self.subject(), limit_bytes: limit });
        }
        let path = self.verify(descriptor).await?;
        let mut bytes = Vec::new();
        let file = self.open(&path).await?;
        file.take(limit).read_to_end(&mut bytes).await.map_err(|error| Error::unreadable(&path, error))?;
        // Verified once more as read: the file is somebody else's.
        crate::hash::verify(&bytes, &descriptor.digest, &self.subject())?;
        Ok(bytes)
    }

    /// The path of a blob that is there with the size and digest that its descriptor promises.
    pub(crate) async fn verify(&self, descriptor: &Descriptor) -> Result<PathBuf> {
        let path = self.blob_path(&descriptor.digest);
        let mut file = self.open(&path).await?;
        let mut hasher = Hasher::like(&descriptor.digest);
        let mut chunk = vec![0; CHUNK_BYTES];
        let mut length = 0;
        loop {
            let read = file.read(&mut chunk).await.map_err(|error| Error::unreadable(&path, error))?;
            let Some(bytes) = chunk.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
            length += bytes.len() as u64;
            hasher.update(bytes);
        }
        let subject = format!("blob {} of {}", descriptor.digest, self.subject());
        if length != descriptor.size {
            let promised = descriptor.size;
            return Err(Error::malformed(
                &subject,
                format!("it has {length} bytes where {promised} were promised"),
            ));
        }
        hasher.verify(&descriptor.digest, &subject)?;
        Ok(path)
    }

    /// Whether a blob is there whole.
    pub(crate) async fn holds(&self, descriptor: &Descriptor) -> bool {
        self.verify(descriptor).await.is_ok()
    }

    /// A new file beside the blobs, to be given to [`Layout::keep`].
    pub(crate) async fn draft(&self, digest: &Digest) -> Result<(fs::File, PathBuf)> {
        let path = self.blob_path(digest).with_extension("part");
        let parent = path.parent().unwrap_or(&self.directory);
        fs::create_dir_all(parent).await.map_err(|error| Error::unwritable(parent, error))?;
        let file = fs::File::create(&path).await.map_err(|error| Error::unwritable(&path, error))?;
        Ok((file, path))
    }

    /// Makes a verified draft the blob of `digest`, whole or not at all.
    pub(crate) async fn keep(&self, draft: &Path, digest: &Digest) -> Result<()> {
        fs::rename(draft, self.blob_path(digest)).await.map_err(|error| Error::unwritable(draft, error))
    }

    /// Writes bytes that are known to have `digest`.
    pub(crate) async fn write(&self, bytes: &[u8], digest: &Digest) -> Result<()> {
        let (mut file, path) = self.draft(digest).await?;
        file.write_all(bytes).await.map_err(|error| Error::unwritable(&path, error))?;
        file.flush().await.map_err(|error| Error::unwritable(&path, error))?;
        self.keep(&path, digest).await
    }

    /// Names a manifest in the index; an entry of the same name makes way, others stay.
    pub(crate) async fn name(&self, name: &str, manifest: &Descriptor) -> Result<()> {
        let path = self.directory.join(INDEX);
        let mut entries = match fs::read(&path).await {
            Ok(bytes) => self.entries(&bytes)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(Error::unreadable(&path, error)),
        };
        let named = |entry: &Value| {
            entry.pointer("/annotations").and_then(|texts| texts.get(NAME_ANNOTATION)).cloned()
        };
        entries.retain(|entry| named(entry) != Some(Value::from(name)));
        entries.push(json!({
            "mediaType": manifest.media_type,
            "digest": manifest.digest.as_str(),
            "size": manifest.size,
            "annotations": { NAME_ANNOTATION: name },
        }));
        let index =
            json!({ "schemaVersion": 2, "mediaType": OCI_IMAGE_INDEX_MEDIA_TYPE, "manifests": entries });
        let draft = path.with_extension("part");
        fs::write(&draft, index.to_string()).await.map_err(|error| Error::unwritable(&draft, error))?;
        fs::rename(&draft, &path).await.map_err(|error| Error::unwritable(&path, error))
    }

    /// How errors call it.
    pub(crate) fn subject(&self) -> String {
        format!("image layout {}", self.directory.display())
    }

    fn entries(&self, index: &[u8]) -> Result<Vec<Value>> {
        let entries = serde_json::from_slice::<Value>(index).ok().and_then(|mut index| {
            index.get_mut("manifests").and_then(Value::as_array_mut).map(std::mem::take)
        });
        entries.ok_or_else(|| Error::malformed(&self.subject(), format!("its {INDEX} is no index")))
    }

    /// Opens a plain file; a link could lead out of the layout, and a pipe would keep us waiting.
    async fn open(&self, path: &Path) -> Result<fs::File> {
        let unreadable = |error| Error::unreadable(path, error);
        if !fs::symlink_metadata(path).await.map_err(unreadable)?.is_file() {
            return Err(unreadable(io::Error::other("it is not a plain file")));
        }
        fs::File::open(path).await.map_err(unreadable)
    }
}
