//! Facts about images in registries.

use artifact::{BaseRole, DiffId, Digest, ImageFacts, ImageRef, Platform, Repository, Tag};
use verdict::{Sequence, order::Name};

use crate::message::message;

/// The subject tokens of an image: where it is and which it is.
pub(super) fn key(repository: &Repository, digest: &Digest) -> Vec<String> {
    vec![repository.key(), digest.hex().to_owned()]
}

message! {
    /// A registry holds this image. By the watcher, after reading it again.
    ImagePushed {
        /// Where it is.
        repository: Repository,
        /// The tag that points at it; none for a push by digest.
        tag: Option<Tag>,
        /// Its manifest or index.
        digest: Digest,
        /// One for each platform.
        instances: Vec<ImageInstance>,
    }
}

message! {
    /// One platform's image.
    ImageInstance {
        /// Its manifest.
        digest: Digest,
        /// Its platform, where the configuration says it.
        platform: Option<Platform>,
        /// Its configuration: Docker's image id.
        config_digest: Digest,
        /// Its layers, bottom first.
        layers: Vec<DiffId>,
        /// The base that its labels or annotations claim.
        claimed_base: Option<ImageRef>,
    }
}

message! {
    /// The registry answered that the image is gone. By the watcher.
    ImageDeleted {
        /// Where it was.
        repository: Repository,
        /// Which it was.
        digest: Digest,
    }
}

message! {
    /// A ban covers this image. By the invalidator.
    ImageInvalidated {
        /// Where it is.
        repository: Repository,
        /// Which it is.
        digest: Digest,
        /// Tags that point at it.
        tags: Vec<Tag>,
        /// The ban.
        ban: Sequence,
        /// The banned image's role in this one.
        role: BaseRole,
        /// How that is known, in words.
        evidence: String,
        /// What is banned, in words.
        target: String,
    }
}

message! {
    /// No ban covers this image any more. By the invalidator.
    ImageRestored {
        /// Where it is.
        repository: Repository,
        /// Which it is.
        digest: Digest,
        /// The ban that ended.
        ban: Sequence,
    }
}

message! {
    /// A tag moved to an image that is free of a ban. By the builder.
    ImageReplaced {
        /// Where it is.
        repository: Repository,
        /// The tag that moved.
        tag: Tag,
        /// The new image.
        digest: Digest,
        /// The ban.
        ban: Sequence,
        /// Whose image it is.
        project: Name,
        /// The build that made it.
        build: String,
    }
}

message! {
    /// An invalidated image that no project builds. By the builder.
    ImageUnattributed {
        /// Where it is.
        repository: Repository,
        /// Which it is.
        digest: Digest,
        /// Tags that point at it.
        tags: Vec<Tag>,
        /// The ban.
        ban: Sequence,
    }
}

impl ImagePushed {
    /// The pushed reference: by tag where it has one, else by digest.
    pub fn reference(&self) -> ImageRef {
        match &self.tag {
            Some(tag) => self.repository.at_tag(tag.clone()),
            None => self.repository.at_digest(self.digest.clone()),
        }
    }

    /// What is known of each instance, in the terms in which verdicts are asked.
    pub fn facts(&self) -> impl Iterator<Item = ImageFacts> {
        self.instances.iter().map(|instance| ImageFacts {
            references: vec![self.reference()],
            digests: [&self.digest, &instance.digest, &instance.config_digest].into_iter().cloned().collect(),
            layers: instance.layers.clone(),
            platform: instance.platform.clone(),
            claimed_bases: instance.claimed_base.iter().cloned().collect(),
        })
    }
}
