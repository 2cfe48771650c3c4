//! Things that are created once: a key is won by whoever creates it first, and changed only by whoever knows its revision.

use async_nats::jetstream::kv;
use events::topology::Bucket;

use crate::connection::{Connection, Error, bounded};

/// A bucket's entries, cheap to clone.
#[derive(Debug, Clone)]
pub struct Entries {
    store: kv::Store,
    bucket: Bucket,
    connection: Connection,
}

/// What became of an attempt to create or change an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// We did; this is the entry's revision.
    Won(u64),
    /// Somebody else had.
    Lost,
}

/// What became of a fact that belongs behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// It is stored; this is its place.
    Stored(u64),
    /// Something stands behind that fact already, this very call's own said before among it, or the fact is not in the stream any more.
    Overtaken,
}

impl Connection {
    /// Binds a bucket that the bootstrap step made.
    pub async fn entries(&self, bucket: Bucket) -> Result<Entries, Error> {
        let action = format!("open the bucket {}", bucket.as_str());
        let store = bounded(action, self.jetstream.get_key_value(bucket.as_str())).await?;
        Ok(Entries { store, bucket, connection: self.clone() })
    }
}

impl Entries {
    /// Creates `key`, unless it exists. Retryable.
    pub async fn create(&self, key: &str, value: Vec<u8>) -> Result<Claim, Error> {
        self.fits(key, &value)?;
        let created = async {
            match self.store.create(key, value.into()).await {
                Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(Claim::Lost),
                created => created.map(Claim::Won),
            }
        };
        bounded(self.action("create", key), created).await
    }

    /// Changes `key`, unless somebody changed it after `revision`. Retryable.
    pub async fn update(&self, key: &str, value: Vec<u8>, revision: u64) -> Result<Claim, Error> {
        self.fits(key, &value)?;
        let updated = async {
            match self.store.update(key, value.into(), revision).await {
                Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(Claim::Lost),
                updated => updated.map(Claim::Won),
            }
        };
        bounded(self.action("update", key), updated).await
    }

    /// Writes `key`, whatever it was. Retryable.
    pub async fn put(&self, key: &str, value: Vec<u8>) -> Result<u64, Error> {
        self.fits(key, &value)?;
        bounded(self.action("write", key), self.store.put(key, value.into())).await
    }

    /// The entry's value and revision, if it exists. Retryable.
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, u64)>, Error> {
        let entry = bounded(self.action("read", key), self.store.entry(key)).await?;
        Ok(entry
            .filter(|entry| entry.operation == kv::Operation::Put)
            .map(|entry| (entry.value.to_vec(), entry.revision)))
    }

    fn fits(&self, key: &str, value: &[u8]) -> Result<(), Error> {
        self.connection.fits(format_args!("the entry {key} of {}", self.bucket.as_str()), value.len())
    }

    fn action(&self, verb: &str, key: &str) -> String {
        format!("{verb} {key} in {}", self.bucket.as_str())
    }
}
