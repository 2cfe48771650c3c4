//! What the streams said, held in memory: the snapshot, and the facts of every image that was pushed. A verdict needs nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use artifact::{Digest, ImageFacts, ImageRef};
use bus::Record;
use events::{
    Event as _,
    fact::{ImageDeleted, ImagePushed},
    fold,
    topology::StreamName,
};
use time::OffsetDateTime;
use verdict::{AsOf, Door, Mode, Verdict, decide};

/// The gate's memory; cheap to clone. Locked only for as long as a look-up takes, and never across a wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<RwLock<Held>>);

#[derive(Debug, Default)]
struct Held {
    snapshot: verdict::Snapshot,
    images: HashMap<Digest, Arc<Vec<ImageFacts>>>,
    tags: HashMap<ImageRef, Digest>,
}

impl Memory {
    /// Takes in one message.
    pub(crate) fn hear(&self, record: &Record) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match record.stream {
            StreamName::Images => held.hear_image(record),
            stream => {
                fold(&mut held.snapshot, stream, &record.subject, record.sequence, record.at, &record.body);
            }
        }
    }

    /// Decides about every instance and returns the strictest verdict; none for an empty list, which is never a yes.
    pub(crate) fn decide(
        &self,
        instances: &[ImageFacts],
        door: Door,
        now: OffsetDateTime,
    ) -> Option<Verdict> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        instances
            .iter()
            .map(|facts| decide(&held.snapshot, facts, door, now))
            .max_by_key(|verdict| verdict.strict)
    }

    /// The mode of a door.
    pub(crate) fn mode(&self, door: Door) -> Mode {
        self.0.read().unwrap_or_else(PoisonError::into_inner).snapshot.mode(door)
    }

    /// Whether something that is in force could not be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).snapshot.behind()
    }

    /// How far the streams have been read.
    pub(crate) fn as_of(&self) -> AsOf {
        self.0.read().unwrap_or_else(PoisonError::into_inner).snapshot.as_of()
    }

    /// The instances of the image with this digest, as they were when it was pushed. A digest's content never changes.
    pub(crate) fn image(&self, digest: &Digest) -> Option<Arc<Vec<ImageFacts>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).images.get(digest).cloned()
    }

    /// What a tag pointed at when it was last pushed: for use only when the registry itself cannot be asked.
    pub(crate) fn last_known(&self, reference: &ImageRef) -> Option<Digest> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).tags.get(reference).cloned()
    }
}

impl Held {
    fn hear_image(&mut self, record: &Record) {
        let kind = record.subject.split_kind().map(|(kind, _)| kind);
        let heard = match kind {
            Some(ImagePushed::KIND) => ImagePushed::decode(&record.body).map(|pushed| {
                self.images.insert(pushed.digest.clone(), Arc::new(pushed.facts().collect()));
                self.tags.insert(pushed.reference(), pushed.digest);
            }),
            Some(ImageDeleted::KIND) => {
                ImageDeleted::decode(&record.body).map(|ImageDeleted { digest, .. }| {
                    self.tags.retain(|_, known| *known != digest);
                })
            }
            _ => Ok(()),
        };
        if let Err(error) = heard {
            // Without its facts the image cannot be cleared, which is the safe side.
            tracing::warn!(%error, subject = %record.subject, "An image fact cannot be read.");
        }
    }
}
