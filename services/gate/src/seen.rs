//! The images that this node has or had, by id, with what is known of them: a container may outlive its image (`docker rmi --force`), and is
//! judged by what that image was. Kept on the disk; never older than the node's last look at an image that is still here.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use artifact::{Digest, ImageFacts};
use containers::{Image, Runtime};
use serde::{Deserialize, Serialize};
use service::Context;
use tracing::debug;

use crate::disk::{Condition, Disk};

/// The form in which images are written.
const VERSION: u32 = 1;

const CONDITION: Condition = Condition {
    key: "images",
    text: "The images that this gate saw cannot be written to its disk, and would be forgotten when it ends. It is tried again; free the disk.",
};

/// Under which the clock is kept beside the images.
const POSITION: &str = "images";

/// How many images are kept; the one that was seen longest ago makes room. A node that has more has them all the same, and is asked.
const MOST: usize = 10_000;

/// Between two looks at the runtime's images. What is removed through the daemon is looked at before, so this finds what others made and removed.
const LOOK: Duration = Duration::from_secs(30);

/// Images that were seen; cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Held>>);

#[derive(Debug, Default)]
struct Held {
    images: HashMap<Digest, Kept>,
    disk: Option<Disk>,
    /// Grows by one with each image that is seen.
    clock: u64,
}

#[derive(Debug)]
struct Kept {
    facts: ImageFacts,
    seen: u64,
}

/// An image on the disk.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    seen: u64,
    references: Vec<String>,
    digests: Vec<String>,
    layers: Vec<String>,
    platform: Option<String>,
    claimed_bases: Vec<String>,
}

impl Seen {
    /// Reads what is kept in `folder` and keeps everything there from now on. While the disk does not work, what is seen is held in memory alone; it is
    /// written when the disk works again.
    pub(crate) fn open(&self, folder: PathBuf, context: &Context) {
        let disk = Disk::open(folder, VERSION, CONDITION, context.connection.conditions().clone());
        self.keep_on(disk.clone());
        let seen = self.clone();
        disk.keep_open(context, move || seen.write_all());
    }

    fn keep_on(&self, disk: Disk) {
        let mut held = self.held();
        held.read(&disk);
        held.disk = Some(disk);
    }

    /// Writes everything, since what a failed disk holds is unknown.
    fn write_all(&self) {
        let mut held = self.held();
        let Some(disk) = held.disk.clone() else { return };
        // Where the disk failed from the beginning, it may have images that are not known yet.
        held.read(&disk);
        let entries = held.images.iter();
        let changes: Vec<_> = entries.map(|(id, kept)| (key(id), written(&kept.facts, kept.seen))).collect();
        let clock = held.clock;
        disk.write_missing(|projection| projection.write(&changes, POSITION, clock));
        disk.set_complete(|_| true);
    }

    /// Keeps an image that the runtime has.
    pub(crate) fn see(&self, id: &Digest, facts: &ImageFacts) {
        let mut held = self.held();
        held.clock += 1;
        let seen = held.clock;
        let changed = match held.images.get_mut(id) {
            Some(kept) if kept.facts == *facts => {
                kept.seen = seen;
                false
            }
            _ => {
                held.images.insert(id.clone(), Kept { facts: facts.clone(), seen });
                true
            }
        };
        let mut changes = Vec::new();
        if changed {
            changes.push((key(id), written(facts, seen)));
        }
        if held.images.len() > MOST {
            let oldest = held.images.iter().min_by_key(|(_, kept)| kept.seen).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                held.images.remove(&oldest);
                changes.push((key(&oldest), None));
            }
        }
        if changes.is_empty() {
            return;
        }
        if let Some(disk) = &held.disk {
            disk.write(|projection| projection.write(&changes, POSITION, seen));
        }
    }

    /// What the image was when it was last seen.
    pub(crate) fn recall(&self, id: &Digest) -> Option<ImageFacts> {
        self.held().images.get(id).map(|kept| kept.facts.clone())
    }

    /// Looks at the runtime's images from time to time, until the context's stop: what was there before this gate is seen too.
    pub(crate) fn watch(&self, context: &Context, runtime: Runtime) {
        let seen = self.clone();
        let watch = async move {
            loop {
                if let Err(error) = seen.look(&runtime).await {
                    debug!(error = %telemetry::Chain(&error), "The runtime does not say which images it has.");
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(watch));
    }

    async fn look(&self, runtime: &Runtime) -> Result<(), containers::Error> {
        for id in runtime.image_ids().await? {
            if self.recall(&id).is_some() {
                continue;
            }
            match runtime.image(id.as_str()).await {
                Ok(Some(Image { id, facts })) => self.see(&id, &facts),
                Ok(None) => {}
                // One image that cannot be read keeps no other from being remembered.
                Err(error) => debug!(error = %telemetry::Chain(&error), %id, "An image cannot be read."),
            }
        }
        Ok(())
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn read(&mut self, disk: &Disk) {
        let Some(projection) = disk.projection() else { return };
        // One that cannot be read is unknown, which is the safe side.
        for (id, kept) in projection.scan(b"").flatten().filter_map(|(id, value)| read(&id, &value)) {
            self.clock = self.clock.max(kept.seen);
            self.images.entry(id).or_insert(kept);
        }
    }
}

fn key(id: &Digest) -> Vec<u8> {
    id.to_string().into_bytes()
}

fn written(facts: &ImageFacts, seen: u64) -> Option<Vec<u8>> {
    let ImageFacts { references, digests, layers, platform, claimed_bases } = facts;
    let written = Written {
        seen,
        references: references.iter().map(ToString::to_string).collect(),
        digests: digests.iter().map(ToString::to_string).collect(),
        layers: layers.iter().map(ToString::to_string).collect(),
        platform: platform.as_ref().map(ToString::to_string),
        claimed_bases: claimed_bases.iter().map(ToString::to_string).collect(),
    };
    serde_json::to_vec(&written).ok()
}

fn read(id: &[u8], value: &[u8]) -> Option<(Digest, Kept)> {
    let id = std::str::from_utf8(id).ok()?.parse().ok()?;
    let Written { seen, references, digests, layers, platform, claimed_bases } =
        serde_json::from_slice(value).ok()?;
    let facts = ImageFacts {
        references: references.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
        digests: digests.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
        layers: layers.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
        platform: match platform {
            Some(text) => Some(text.parse().ok()?),
            None => None,
        },
        claimed_bases: claimed_bases.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
    };
    Some((id, Kept { facts, seen }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(number: u32) -> (Digest, ImageFacts) {
        let digest = Digest::of(&number.to_be_bytes());
        let facts = ImageFacts {
            references: vec![format!("r.io/app:{number}").parse().unwrap()],
            digests: [digest.clone()].into(),
            layers: vec![Digest::of(b"layer").into()],
            platform: Some("linux/arm64/v8".parse().unwrap()),
            claimed_bases: vec!["r.io/os:1".parse().unwrap()],
        };
        (digest, facts)
    }

    fn disk(folder: &tempfile::TempDir) -> Disk {
        Disk::open(folder.path().to_owned(), VERSION, CONDITION, bus::Conditions::default())
    }

    #[test]
    fn what_was_seen_is_known_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let seen = Seen::default();
        seen.keep_on(disk(&folder));
        let (id, facts) = facts(1);
        assert_eq!(seen.recall(&id), None);
        seen.see(&id, &facts);
        drop(seen);
        let again = Seen::default();
        again.keep_on(disk(&folder));
        assert_eq!(again.recall(&id), Some(facts));
    }

    #[test]
    fn the_image_that_was_seen_longest_ago_makes_room() {
        let seen = Seen::default();
        let most = u32::try_from(MOST).unwrap();
        for number in 0..most {
            let (id, facts) = facts(number);
            seen.see(&id, &facts);
        }
        let ((first, again), (second, _)) = (facts(0), facts(1));
        seen.see(&first, &again);
        let (id, newest) = facts(most);
        seen.see(&id, &newest);
        assert_eq!((seen.recall(&first), seen.recall(&second)), (Some(again), None));
    }
}
