//! Things that are created once: a key is won by whoever creates it first, and changed only by whoever knows its revision.

use async_nats::jetstream::kv;
use events::topology::Bucket;

use crate::connection::{Connection, Error, bounded};

/// A bucket's entries, cheap to clone.
#[derive(Debug, Clone)]
pub struct Entries {
    store: kv::Store,
    bucket: Bucket,
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
        Ok(Entries { store, bucket })
    }
}

impl Entries {
    /// Creates `key`, unless it exists. Retryable.
    pub async fn create(&self, key: &str, value: Vec<u8>) -> Result<Claim, Error> {
        match self.store.create(key, value.into()).await {
            Ok(revision) => Ok(Claim::Won(revision)),
            Err(error) if error.kind() == kv::CreateErrorKind::AlreadyExists => Ok(Claim::Lost),
            Err(error) => Err(self.failed("create", key, error)),
        }
    }

    /// Changes `key`, unless somebody changed it after `revision`. Retryable.
    pub async fn update(&self, key: &str, value: Vec<u8>, revision: u64) -> Result<Claim, Error> {
        match self.store.update(key, value.into(), revision).await {
            Ok(revision) => Ok(Claim::Won(revision)),
            Err(error) if error.kind() == kv::UpdateErrorKind::WrongLastRevision => Ok(Claim::Lost),
            Err(error) => Err(self.failed("update", key, error)),
        }
    }

    /// Writes `key`, whatever it was. Retryable.
    pub async fn put(&self, key: &str, value: Vec<u8>) -> Result<u64, Error> {
        self.store.put(key, value.into()).await.map_err(|error| self.failed("write", key, error))
    }

    /// The entry's value and revision, if it exists. Retryable.
    pub async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, u64)>, Error> {
        let entry = self.store.entry(key).await.map_err(|error| self.failed("read", key, error))?;
        Ok(entry
            .filter(|entry| entry.operation == kv::Operation::Put)
            .map(|entry| (entry.value.to_vec(), entry.revision)))
    }

    fn failed(&self, verb: &str, key: &str, error: impl Into<async_nats::Error>) -> Error {
        Error::broker(format!("{verb} {key} in {}", self.bucket.as_str()), error)
    }
}
