//! Images: read again in their registry, whatever made us look, and told as facts. The registry's answer wins over any hint.

use std::{collections::BTreeMap, time::Duration};

use artifact::{Digest, ImageRef, Repository, Tag};
use bus::Connection;
use events::fact::{ImageDeleted, ImageInstance, ImagePushed};
use registry::{Client, Description};
use time::OffsetDateTime;
use tokio::time::{Instant, sleep};
use tracing::{debug, info};

use crate::{
    error::Error,
    journal::{Fact, Journal},
    told::{Told, Turns},
};

/// How long a registry may take from its webhook to the push that the webhook tells of: docker-registry notifies when the manifest is
/// stored and moves the tag only then (measured with 2.8.2: a look at once finds the tag as it was). Moving one is a small write.
const LAG: Duration = Duration::from_secs(2);

/// Then twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(10);

/// What a tag points at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// What the hint says.
    Promised,
    /// Something else, or nothing.
    Other,
}

/// Reads registries and tells what is new; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Images {
    client: Client,
    connection: Connection,
    told: Told<ImageRef, Digest>,
    turns: Turns<Repository>,
    journal: Journal,
}

impl Images {
    pub(crate) fn new(client: Client, connection: Connection) -> Self {
        Self {
            client,
            connection,
            told: Told::default(),
            turns: Turns::default(),
            journal: Journal::default(),
        }
    }

    /// Somebody says that `digest` was pushed, under `tag` where there is one.
    pub(crate) async fn pushed(
        &self,
        repository: &Repository,
        tag: Option<&Tag>,
        digest: &Digest,
        cause: &str,
    ) -> Result<(), Error> {
        let _turn = self.turns.take(repository).await;
        if let Some(tag) = tag
            && self.look_for(&repository.at_tag(tag.clone()), digest, cause).await? == Found::Promised
        {
            return Ok(());
        }
        // The tag has moved on meanwhile, or there is none: what was pushed is told by its digest.
        self.look(&repository.at_digest(digest.clone()), cause).await?;
        Ok(())
    }

    /// Somebody says that `digest` is gone. It is only when the registry says so too.
    pub(crate) async fn deleted(
        &self,
        repository: &Repository,
        digest: &Digest,
        cause: &str,
    ) -> Result<(), Error> {
        let _turn = self.turns.take(repository).await;
        self.confirm_deleted(repository, digest, cause).await
    }

    /// Somebody says that a tag is gone; its image may stand under others.
    pub(crate) async fn untagged(&self, image: &ImageRef, cause: &str) -> Result<(), Error> {
        let _turn = self.turns.take(image.repository()).await;
        let Some(digest) = self.told.get(image) else { return Ok(()) };
        match self.client.resolve(image).await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        self.confirm_deleted(image.repository(), &digest, cause).await?;
        self.told.retain(|told, _| told != image);
        Ok(())
    }

    /// Looks at every tag of `repository`, and at the ones that were there before.
    pub(crate) async fn poll(&self, repository: &Repository) -> Result<(), Error> {
        let tags = match self.client.tags(repository).await {
            Ok(tags) => tags,
            // Nothing was pushed there yet, or everything is gone.
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let tags: Vec<ImageRef> = tags.into_iter().map(|tag| repository.at_tag(tag)).collect();
        for image in &tags {
            // A turn a tag, so that a webhook need not wait for a whole repository.
            let _turn = self.turns.take(repository).await;
            let digest = match self.client.resolve(image).await {
                Ok(digest) => digest,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            if !self.told.is_told(image, &digest) {
                self.look(image, &poll_cause(digest.as_str())).await?;
            }
        }
        let before = self.told.keys(|told| told.repository() == repository && told.tag().is_some());
        for vanished in before.iter().filter(|told| !tags.contains(told)) {
            self.untagged(vanished, &poll_cause(vanished.version())).await?;
        }
        Ok(())
    }

    /// Takes in what IMAGES says already.
    pub(crate) fn recall(&self, known: BTreeMap<ImageRef, Digest>) {
        self.told.recall(known);
    }

    /// Publishes once more, with the same ids, what a broker that was lost at `lost` may not have had on its disk.
    pub(crate) async fn tell_again(&self, lost: Instant) -> Result<(), Error> {
        for (fact, cause) in self.journal.since(lost) {
            fact.publish(&self.connection, &cause).await?;
        }
        Ok(())
    }

    /// Looks at `image` until it is `promised`, or something newer, or it is clear that it will be neither.
    async fn look_for(&self, image: &ImageRef, promised: &Digest, cause: &str) -> Result<Found, Error> {
        let before = self.told.get(image);
        let end = Instant::now() + LAG;
        let mut pause = FIRST_PAUSE;
        loop {
            let found = self.look(image, cause).await?;
            if found.as_ref() == Some(promised) {
                return Ok(Found::Promised);
            }
            let is_newer = before.is_some() && found.is_some() && found != before;
            if is_newer || Instant::now() >= end {
                return Ok(Found::Other);
            }
            sleep(pause).await;
            pause *= 2;
        }
    }

    /// Reads `image` and tells what it is; its digest, or none where the registry has nothing there.
    async fn look(&self, image: &ImageRef, cause: &str) -> Result<Option<Digest>, Error> {
        let description = match self.client.describe(image).await {
            Ok(description) => description,
            Err(error) if error.is_not_found() => {
                debug!(%image, "There is nothing in the registry any more.");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let digest = description.digest.clone();
        if self.told.is_told(image, &digest) {
            return Ok(Some(digest));
        }
        if description.instances.is_empty() {
            debug!(%image, media_type = description.media_type, "This artifact is no image.");
        } else {
            self.publish(Fact::Pushed(fact(description)), cause).await?;
            info!(%image, %digest, "An image was pushed.");
        }
        self.told.tell(image.clone(), digest.clone());
        Ok(Some(digest))
    }

    async fn confirm_deleted(
        &self,
        repository: &Repository,
        digest: &Digest,
        cause: &str,
    ) -> Result<(), Error> {
        match self.client.resolve(&repository.at_digest(digest.clone())).await {
            Ok(_) => return Ok(()),
            // The only answer that means gone.
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        let deleted = ImageDeleted { repository: repository.clone(), digest: digest.clone() };
        self.publish(Fact::Deleted(deleted), cause).await?;
        info!(%repository, %digest, "An image was deleted.");
        // Pushed once more, it is news once more.
        self.told.retain(|image, told| image.repository() != repository || told != digest);
        Ok(())
    }

    async fn publish(&self, fact: Fact, cause: &str) -> Result<(), Error> {
        fact.publish(&self.connection, cause).await?;
        self.journal.note(fact, cause);
        Ok(())
    }
}

/// What tells one poll's facts from those of another.
pub(crate) fn poll_cause(what: &str) -> String {
    format!("poll/{what}/{}", OffsetDateTime::now_utc().unix_timestamp_nanos())
}

fn fact(description: Description) -> ImagePushed {
    let Description { reference, digest, media_type: _, instances } = description;
    let instances = instances.into_iter().map(|instance| ImageInstance {
        claimed_base: instance.base_name().cloned(),
        digest: instance.digest,
        platform: instance.platform,
        config_digest: instance.config_digest,
        layers: instance.layers,
    });
    ImagePushed {
        repository: reference.repository().clone(),
        tag: reference.tag().cloned(),
        digest,
        instances: instances.collect(),
    }
}
