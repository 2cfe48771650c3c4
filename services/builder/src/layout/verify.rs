//! The check of a whole layout, layers included. Not of what a layer holds.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use artifact::Digest;
use flate2::read::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use super::document::{self, Image, LAYER, LAYER_GZIP, Layer};
use super::{Built, Error};

/// The one image in `layout`, with every digest computed again: of the manifest, the configuration, the layers, and the layers
/// uncompressed. Blocking; takes as long as reading all of it.
pub fn verify(layout: &Path) -> Result<Built, Error> {
    let image = Image::load(layout)?;
    for layer in &image.layers {
        verify_layer(layout, layer)?;
    }
    Ok(Built {
        layers: image.diff_ids(),
        digest: image.digest,
        config_digest: image.config_digest,
        labels: image.labels,
    })
}

fn verify_layer(layout: &Path, layer: &Layer) -> Result<(), Error> {
    let path = document::plain(layout, &document::blob(&layer.digest))?;
    let failed = |source| Error::File { doing: "reading", path: path.clone(), source };
    let open = || File::open(&path).map_err(failed);
    let (found, size) = digest(open()?).map_err(failed)?;
    if found != layer.digest || size != layer.size {
        let found = format!("{found}, {size} bytes");
        return Err(Error::Content { what: "layer", expected: layer.digest.clone(), found });
    }
    let found = match layer.media_type {
        LAYER => found,
        LAYER_GZIP => digest(MultiGzDecoder::new(BufReader::new(open()?))).map_err(failed)?.0,
        other => return Err(Error::MediaType { what: "layer", media_type: other.to_owned() }),
    };
    match found == *layer.diff_id.digest() {
        true => Ok(()),
        false => {
            let expected = layer.diff_id.digest().clone();
            Err(Error::Content { what: "uncompressed layer", expected, found: found.to_string() })
        }
    }
}

/// Digest and number of all bytes of `content`.
pub(super) fn digest(mut content: impl Read) -> io::Result<(Digest, u64)> {
    let mut hash = Sha256::new();
    let size = io::copy(&mut content, &mut Hashing(&mut hash))?;
    Ok((of(hash)?, size))
}

/// The digest that `hash` has come to.
pub(super) fn of(hash: Sha256) -> io::Result<Digest> {
    format!("sha256:{}", hex::encode(hash.finalize())).parse().map_err(io::Error::other)
}

/// A writer into a hash.
pub(super) struct Hashing<'a>(pub(super) &'a mut Sha256);

impl io::Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
