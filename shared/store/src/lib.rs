//! Projections on disk: state that a stream can make again, kept so that a restart need not read everything. Never the truth.
//!
//! A store that cannot be opened, or that was written by another version, is thrown away and filled anew.

use std::{fs, io, path::Path};

use tracing::warn;

/// Which version of the projection's own format wrote it.
const VERSION: &[u8] = b"version";

/// A projection; cheap to clone.
#[derive(Debug, Clone)]
pub struct Projection {
    entries: sled::Tree,
    meta: sled::Tree,
    db: sled::Db,
}

/// A key, and its new value; none removes it.
pub type Change = (Vec<u8>, Option<Vec<u8>>);

/// Why a projection could not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk or the store said no.
    #[error("the projection cannot be read or written")]
    Store(#[from] sled::Error),
    /// Its folder cannot be made or cleared.
    #[error("the projection's folder cannot be made anew")]
    Folder(#[source] io::Error),
}

impl Projection {
    /// Opens the projection in `folder`, or begins a new one: where there is none, where `version` differs, where it is damaged.
    pub fn open(folder: &Path, version: u32) -> Result<Self, Error> {
        match Self::open_as_is(folder) {
            Ok(projection) if projection.version()? == Some(version) => Ok(projection),
            Ok(projection) => {
                projection.entries.clear()?;
                projection.meta.clear()?;
                projection.meta.insert(VERSION, &version.to_be_bytes())?;
                Ok(projection)
            }
            Err(error) if !is_damage(&error) => Err(error),
            Err(error) => {
                warn!(%error, folder = %folder.display(), "A damaged projection is thrown away and made anew.");
                fs::remove_dir_all(folder).map_err(Error::Folder)?;
                let projection = Self::open_as_is(folder)?;
                projection.meta.insert(VERSION, &version.to_be_bytes())?;
                Ok(projection)
            }
        }
    }

    fn open_as_is(folder: &Path) -> Result<Self, Error> {
        let db = sled::Config::new().path(folder).mode(sled::Mode::LowSpace).open()?;
        Ok(Self { entries: db.open_tree("entries")?, meta: db.open_tree("meta")?, db })
    }

    fn version(&self) -> Result<Option<u32>, Error> {
        Ok(self.meta.get(VERSION)?.and_then(|bytes| bytes.as_ref().try_into().ok()).map(u32::from_be_bytes))
    }

    /// The last position that [`Projection::write`] recorded for `stream`; 0 for a new projection.
    pub fn position(&self, stream: &str) -> Result<u64, Error> {
        let position = self.meta.get(position_key(stream))?;
        Ok(position.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes))
    }

    /// Writes the effect of one message of `stream` and its position as one: after a crash both are there, or neither.
    pub fn write(&self, changes: &[Change], stream: &str, position: u64) -> Result<(), Error> {
        use sled::Transactional as _;

        let written: sled::transaction::TransactionResult<(), ()> =
            (&self.entries, &self.meta).transaction(|(entries, meta)| {
                for (key, value) in changes {
                    match value {
                        Some(value) => entries.insert(key.as_slice(), value.as_slice())?,
                        None => entries.remove(key.as_slice())?,
                    };
                }
                meta.insert(position_key(stream).as_slice(), &position.to_be_bytes())?;
                Ok(())
            });
        written.map_err(|error| match error {
            sled::transaction::TransactionError::Storage(error) => Error::Store(error),
            sled::transaction::TransactionError::Abort(()) => {
                Error::Store(sled::Error::Unsupported("aborted".to_owned()))
            }
        })
    }

    /// The entry at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        Ok(self.entries.get(key)?.map(|value| value.to_vec()))
    }

    /// The entries whose keys begin with `prefix`, in the order of their keys; keys come whole.
    pub fn scan(&self, prefix: &[u8]) -> impl Iterator<Item = Result<(Vec<u8>, Vec<u8>), Error>> {
        self.entries
            .scan_prefix(prefix)
            .map(|entry| entry.map(|(key, value)| (key.to_vec(), value.to_vec())).map_err(Error::Store))
    }

    /// Brings everything to the disk.
    pub fn flush(&self) -> Result<(), Error> {
        self.db.flush().map(drop).map_err(Error::Store)
    }
}

/// Whether the files are to blame, and not a disk that is full, a process that still holds them, or a permission: that passes or is mended, and what is there
/// is still good.
fn is_damage(error: &Error) -> bool {
    use io::ErrorKind;

    let Error::Store(sled::Error::Io(error)) = error else { return true };
    !matches!(
        error.kind(),
        ErrorKind::StorageFull
            | ErrorKind::QuotaExceeded
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::PermissionDenied
            | ErrorKind::WouldBlock
            | ErrorKind::ResourceBusy
            | ErrorKind::OutOfMemory
    )
}

/// Where a projection stands in a stream, beside the state itself.
fn position_key(stream: &str) -> Vec<u8> {
    format!("position/{stream}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(projection: &Projection) -> usize {
        projection.scan(b"").count()
    }

    #[test]
    fn state_and_position_are_kept_together() {
        let folder = tempfile::tempdir().unwrap();
        let projection = Projection::open(folder.path(), 1).unwrap();
        assert_eq!(projection.position("S").unwrap(), 0);
        projection
            .write(&[(b"a/1".to_vec(), Some(b"x".to_vec())), (b"b/1".to_vec(), Some(vec![]))], "S", 7)
            .unwrap();
        projection.write(&[(b"b/1".to_vec(), None)], "S", 8).unwrap();
        projection.flush().unwrap();
        drop(projection);
        let again = Projection::open(folder.path(), 1).unwrap();
        assert_eq!((again.position("S").unwrap(), entries(&again)), (8, 1));
        assert_eq!(again.get(b"a/1").unwrap(), Some(b"x".to_vec()));
    }

    #[test]
    fn what_passes_is_no_damage() {
        let full = |kind| Error::Store(sled::Error::Io(io::Error::from(kind)));
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::WouldBlock, io::ErrorKind::PermissionDenied] {
            assert!(!is_damage(&full(kind)), "{kind}");
        }
        assert!(is_damage(&full(io::ErrorKind::UnexpectedEof)));
        assert!(is_damage(&Error::Store(sled::Error::Corruption { at: None, bt: () })));
    }

    #[test]
    fn another_version_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let projection = Projection::open(folder.path(), 1).unwrap();
        projection.write(&[(b"a".to_vec(), Some(b"x".to_vec()))], "S", 7).unwrap();
        drop(projection);
        let again = Projection::open(folder.path(), 2).unwrap();
        assert_eq!((again.position("S").unwrap(), entries(&again)), (0, 0));
    }

    #[test]
    fn a_damaged_projection_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("index");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("db"), b"not a store at all").unwrap();
        fs::write(path.join("conf"), b"nonsense").unwrap();
        let projection = Projection::open(&path, 1).unwrap();
        assert_eq!(projection.position("S").unwrap(), 0);
    }
}
