//! What was published of late. IMAGES need not be on the broker's disk when it is acknowledged, so a broker that dies may have lost
//! the last of it; told again under the same ids, what was kept is recognised and what was lost is not lost. Not kept on any disk.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::Connection;
use events::fact::{ImageDeleted, ImagePushed};
use tokio::time::Instant;

/// How long before its loss a broker may have acknowledged what it had not written: it writes within seconds. Shorter than the time
/// for which it recognises an id.
const UNSURE: Duration = Duration::from_secs(60);

/// Publications kept; more in a minute come from a crawl, and the next one makes them again.
const PUBLICATIONS: usize = 4096;

/// A fact of the watcher's about an image.
#[derive(Debug, Clone)]
pub(crate) enum Fact {
    Pushed(ImagePushed),
    Deleted(ImageDeleted),
}

/// The last publications, oldest first; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<VecDeque<Publication>>>);

#[derive(Debug)]
struct Publication {
    at: Instant,
    fact: Fact,
    cause: String,
}

impl Fact {
    pub(crate) async fn publish(&self, connection: &Connection, cause: &str) -> Result<(), bus::Error> {
        match self {
            Self::Pushed(pushed) => connection.publish(pushed.clone(), cause).await,
            Self::Deleted(deleted) => connection.publish(deleted.clone(), cause).await,
        }
        .map(drop)
    }
}

impl Journal {
    pub(crate) fn note(&self, fact: Fact, cause: &str) {
        let now = Instant::now();
        let mut publications = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while publications.len() >= PUBLICATIONS
            || publications.front().is_some_and(|oldest| now - oldest.at > UNSURE * 2)
        {
            publications.pop_front();
        }
        publications.push_back(Publication { at: now, fact, cause: cause.to_owned() });
    }

    /// What was published so shortly before `lost`, or after it, that it may not have been kept.
    pub(crate) fn since(&self, lost: Instant) -> Vec<(Fact, String)> {
        let publications = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unsure = publications.iter().filter(|publication| publication.at + UNSURE > lost);
        unsure.map(|Publication { fact, cause, .. }| (fact.clone(), cause.clone())).collect()
    }
}
