//! What the streams said, held in memory: the snapshot, and the facts of every image that was pushed. A verdict needs nothing else.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    time::Duration,
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
use tokio::sync::watch;
use verdict::{AsOf, Door, Mode, StalePolicy, Verdict, decide};

/// The gate's memory; cheap to clone. Locked only for as long as a look-up takes, and never across a wait.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    held: RwLock<Held>,
    /// What is read of other streams than those that `held` was read from, until all of them has been read.
    next: RwLock<Option<Held>>,
    /// Whether there is anything to answer from.
    known: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Held {
    snapshot: verdict::Snapshot,
    images: HashMap<Digest, Arc<Vec<ImageFacts>>>,
    tags: HashMap<ImageRef, Digest>,
}

impl Memory {
    /// Takes in one message.
    pub(crate) fn hear(&self, record: &Record) {
        let mut next = self.0.next.write().unwrap_or_else(PoisonError::into_inner);
        match next.as_mut() {
            Some(next) => next.hear(record),
            None => self.0.held.write().unwrap_or_else(PoisonError::into_inner).hear(record),
        }
    }

    /// What is taken in from now on comes from other streams: it is answered from when all of them has been read ([`Self::is_known`]).
    pub(crate) fn begin_anew(&self) {
        *self.0.next.write().unwrap_or_else(PoisonError::into_inner) = Some(Held::default());
    }

    /// All that there was to be read has been taken in, and is answered from.
    pub(crate) fn set_known(&self) {
        if let Some(next) = self.0.next.write().unwrap_or_else(PoisonError::into_inner).take() {
            *self.0.held.write().unwrap_or_else(PoisonError::into_inner) = next;
        }
        self.0.known.send_replace(true);
    }

    /// Whether there is anything to answer from; waits for `patience` until there is.
    pub(crate) async fn is_known_within(&self, patience: Duration) -> bool {
        let mut known = self.0.known.subscribe();
        let waited = tokio::time::timeout(patience, known.wait_for(|known| *known)).await;
        waited.is_ok_and(|known| known.is_ok())
    }

    /// Whether there is anything to answer from.
    pub(crate) fn is_known(&self) -> bool {
        *self.0.known.borrow()
    }

    /// How far the streams that are read now have been read. Behind [`Self::as_of`] while they are read anew.
    pub(crate) fn applied(&self) -> AsOf {
        let next = self.0.next.read().unwrap_or_else(PoisonError::into_inner);
        next.as_ref().map_or_else(|| self.as_of(), |next| next.snapshot.as_of())
    }

    fn held(&self) -> RwLockReadGuard<'_, Held> {
        self.0.held.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides about every instance and returns the strictest verdict; none for an empty list, which is never a yes. What is known is `age` old, which
    /// `policy` is held against.
    pub(crate) fn decide(
        &self,
        instances: &[ImageFacts],
        door: Door,
        now: OffsetDateTime,
        (age, policy): (Option<Duration>, &StalePolicy),
    ) -> Option<Verdict> {
        let held = self.held();
        let mode = held.snapshot.mode(door);
        instances
            .iter()
            .map(|facts| decide(&held.snapshot, facts, door, now).aged(age, policy, mode, facts))
            .max_by_key(|verdict| verdict.strict)
    }

    /// The mode of a door.
    pub(crate) fn mode(&self, door: Door) -> Mode {
        self.held().snapshot.mode(door)
    }

    /// Whether something that is in force could not be read.
    pub(crate) fn is_behind(&self) -> bool {
        self.held().snapshot.behind()
    }

    /// How far the streams have been read.
    pub(crate) fn as_of(&self) -> AsOf {
        self.held().snapshot.as_of()
    }

    /// The instances of the image with this digest, as they were when it was pushed. A digest's content never changes.
    pub(crate) fn image(&self, digest: &Digest) -> Option<Arc<Vec<ImageFacts>>> {
        self.held().images.get(digest).cloned()
    }

    /// What a tag pointed at when it was last pushed: for use only when the registry itself cannot be asked.
    pub(crate) fn last_known(&self, reference: &ImageRef) -> Option<Digest> {
        self.held().tags.get(reference).cloned()
    }
}

impl Held {
    fn hear(&mut self, record: &Record) {
        match record.stream {
            StreamName::Images => self.hear_image(record),
            stream => {
                fold(&mut self.snapshot, stream, &record.subject, record.sequence, record.at, &record.body);
            }
        }
    }

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
