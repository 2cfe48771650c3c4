//! The lineage index: every image that a registry holds, by name, digest, layer and chain, and what builds recorded. A projection of
//! IMAGES and BUILDS; it may be deleted at any time and is filled again from the streams.

mod key;

use std::{collections::BTreeSet, path::Path};

use artifact::{BaseRole, ChainId, DiffId, Digest, ImageFacts, ImageRef, Repository, Tag};
use events::{
    Event as _, Malformed,
    fact::{BuildFinished, ImagePushed},
    resolution::BaseIndexed,
    topology::StreamName,
};
use store::{Change, Projection};
use verdict::{Sequence, resolution::IndexedBase};

/// The projection's own format; another number begins anew.
const VERSION: u32 = 2;

/// The index; cheap to clone.
#[derive(Debug, Clone)]
pub struct Index {
    projection: Projection,
}

/// An image as the index knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Image {
    /// What was read when it was pushed; its `tag` is none.
    pub pushed: ImagePushed,
    /// The tags that point at it now.
    pub tags: Vec<Tag>,
}

/// Why the index could not answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The disk said no.
    #[error("the lineage index cannot be used")]
    Store(#[from] store::Error),
    /// An entry is not what was written.
    #[error("the lineage index holds an entry that cannot be read; delete its folder, and it is made anew")]
    Entry(#[from] Malformed),
}

type Result<T> = std::result::Result<T, Error>;

impl Index {
    /// Opens the index in `folder`, or begins a new one.
    pub fn open(folder: &Path) -> Result<Self> {
        Ok(Self { projection: Projection::open(folder, VERSION)? })
    }

    /// How far `stream` has been read into the index.
    pub fn position(&self, stream: StreamName) -> Result<u64> {
        Ok(self.projection.position(stream.as_str())?)
    }

    /// Counts a message that changes nothing here.
    pub fn skip(&self, stream: StreamName, sequence: u64) -> Result<()> {
        Ok(self.projection.write(&[], stream.as_str(), sequence)?)
    }

    /// A registry holds an image; its tag, if it was pushed with one, points here from now on, and is known to have pointed here for good. Whether
    /// that is anything new.
    pub fn pushed(&self, image: &ImagePushed, sequence: u64) -> Result<bool> {
        let place = key::Place::of(&image.repository, &image.digest);
        let untagged = ImagePushed { tag: None, ..image.clone() };
        let body = untagged.encode();
        let mut changes: Vec<Change> = Vec::new();
        if self.projection.get(&place.image())?.as_ref() != Some(&body) {
            changes.extend(key::of_image(image).map(|key| (key, Some(Vec::new()))));
            changes.push((place.image(), Some(body)));
        }
        if let Some(tag) = &image.tag {
            self.point(tag, image, sequence, &mut changes)?;
        }
        self.projection.write(&changes, StreamName::Images.as_str(), sequence)?;
        Ok(!changes.is_empty())
    }

    fn point(&self, tag: &Tag, image: &ImagePushed, sequence: u64, changes: &mut Vec<Change>) -> Result<()> {
        let repository = &image.repository;
        let before = self.pointed_at(repository, tag)?;
        if before.as_ref() == Some(&image.digest) {
            return Ok(());
        }
        if let Some(before) = before {
            changes.push((key::tagged(&key::Place::of(repository, &before), tag), None));
        }
        let place = key::Place::of(repository, &image.digest);
        changes.push((key::tag(repository, tag), Some(image.digest.to_string().into_bytes())));
        changes.push((key::tagged(&place, tag), Some(Vec::new())));
        let reference = repository.at_tag(tag.clone());
        if !self.history(&reference)?.iter().any(|version| version.is_at(&image.digest)) {
            let version = BaseIndexed::from(version(&reference, image));
            changes.push((key::history(repository, tag, sequence), Some(version.encode())));
        }
        Ok(())
    }

    /// A registry holds an image no more. What its tags have pointed at is not forgotten.
    pub fn deleted(&self, repository: &Repository, digest: &Digest, sequence: u64) -> Result<()> {
        let mut changes: Vec<Change> = Vec::new();
        if let Some(image) = self.image(repository, digest)? {
            let place = key::Place::of(repository, digest);
            changes.extend(key::of_image(&image.pushed).map(|key| (key, None)));
            changes.extend(image.tags.iter().map(|tag| (key::tag(repository, tag), None)));
            changes.extend(image.tags.iter().map(|tag| (key::tagged(&place, tag), None)));
            changes.push((place.image(), None));
        }
        Ok(self.projection.write(&changes, StreamName::Images.as_str(), sequence)?)
    }

    /// A ban covers an image, or does no more.
    pub fn mark(
        &self,
        ban: Sequence,
        repository: &Repository,
        digest: &Digest,
        mark: Mark,
        sequence: u64,
    ) -> Result<()> {
        let value = match mark {
            Mark::Invalidated => Some(repository.at_digest(digest.clone()).to_string().into_bytes()),
            Mark::Restored => None,
        };
        let change = (key::invalidated(ban, &key::Place::of(repository, digest)), value);
        Ok(self.projection.write(&[change], StreamName::Images.as_str(), sequence)?)
    }

    /// A build recorded what went into its image.
    pub fn built(&self, build: &BuildFinished, sequence: u64) -> Result<()> {
        let mut changes: Vec<Change> = Vec::new();
        if let (Some(image), Some(digest)) = (&build.image, &build.digest) {
            let result = image.repository().at_digest(digest.clone()).to_string();
            let place = key::Place::of(image.repository(), digest);
            for input in &build.inputs {
                if let Some(base) = input.used.digest() {
                    changes.push((key::input(base, input.role, &place), Some(result.clone().into_bytes())));
                    changes.push((key::used(&place, input.role, base), Some(Vec::new())));
                }
            }
        }
        Ok(self.projection.write(&changes, StreamName::Builds.as_str(), sequence)?)
    }

    /// The image at this place.
    pub fn image(&self, repository: &Repository, digest: &Digest) -> Result<Option<Image>> {
        let Some(body) = self.projection.get(&key::Place::of(repository, digest).image())? else {
            return Ok(None);
        };
        let pushed = ImagePushed::decode(&body)?;
        let mut tags = Vec::new();
        for entry in self.projection.scan(&key::tagged_by(&key::Place::of(repository, digest))) {
            tags.extend(key::last(&entry?.0).parse::<Tag>());
        }
        Ok(Some(Image { pushed, tags }))
    }

    /// The tags of a repository that point at an image.
    pub fn tags(&self, repository: &Repository) -> Result<Vec<Tag>> {
        let mut tags = Vec::new();
        for entry in self.projection.scan(&key::tags(repository)) {
            tags.extend(key::last(&entry?.0).parse::<Tag>());
        }
        Ok(tags)
    }

    /// The image that a reference names: by digest, else by what its tag points at.
    pub fn named(&self, reference: &ImageRef) -> Result<Option<Image>> {
        let repository = reference.repository();
        if let Some(digest) = reference.digest() {
            return self.image(repository, digest);
        }
        let Some(tag) = reference.tag() else { return Ok(None) };
        match self.pointed_at(repository, tag)? {
            Some(digest) => self.image(repository, &digest),
            None => Ok(None),
        }
    }

    /// Everything that a tag is known to have pointed at, in the order of the first pushes, whether the registry still holds it or not.
    pub fn history(&self, reference: &ImageRef) -> Result<Vec<IndexedBase>> {
        let Some(tag) = reference.tag() else { return Ok(Vec::new()) };
        let mut versions = Vec::new();
        for entry in self.projection.scan(&key::history_of(reference.repository(), tag)) {
            versions.push(BaseIndexed::decode(&entry?.1)?.into());
        }
        Ok(versions)
    }

    /// What went into the image at this place, as its build recorded.
    pub fn inputs(&self, repository: &Repository, digest: &Digest) -> Result<Vec<(Digest, BaseRole)>> {
        let mut inputs = Vec::new();
        for entry in self.projection.scan(&key::used_by(&key::Place::of(repository, digest))) {
            inputs.extend(key::input_of(&entry?.0));
        }
        Ok(inputs)
    }

    fn pointed_at(&self, repository: &Repository, tag: &Tag) -> Result<Option<Digest>> {
        let digest = self.projection.get(&key::tag(repository, tag))?;
        Ok(digest.and_then(|digest| String::from_utf8_lossy(&digest).parse().ok()))
    }

    /// Images with this layer chain at their bottom, the one that is all of it included.
    pub fn standing_on(&self, chain: &ChainId) -> Result<Vec<Image>> {
        self.at_places(&key::chain(chain))
    }

    /// Images whose whole layer chain this is.
    pub fn topped_by(&self, chain: &ChainId) -> Result<Vec<Image>> {
        self.at_places(&key::top(chain))
    }

    /// Images that contain this layer.
    pub fn containing(&self, layer: &DiffId) -> Result<Vec<Image>> {
        self.at_places(&key::layer(layer))
    }

    /// Images that this digest identifies: index, instance or configuration.
    pub fn identified_by(&self, digest: &Digest) -> Result<Vec<Image>> {
        self.at_places(&key::identity(digest))
    }

    /// Images into which `base` went in `role`, as their builds recorded; only those that the index still holds.
    pub fn built_with(&self, base: &Digest, role: BaseRole) -> Result<Vec<Image>> {
        self.at_references(&key::inputs(base, role))
    }

    /// Images that `ban` was found to cover.
    pub fn invalidated(&self, ban: Sequence) -> Result<Vec<ImageRef>> {
        let mut images = Vec::new();
        for entry in self.projection.scan(&key::invalidated_by(ban)) {
            images.extend(String::from_utf8_lossy(&entry?.1).parse::<ImageRef>());
        }
        Ok(images)
    }

    /// Every ban that was found to cover something that has not been restored since.
    pub fn marking(&self) -> Result<BTreeSet<Sequence>> {
        let mut bans = BTreeSet::new();
        for entry in self.projection.scan(key::MARKS) {
            bans.extend(key::ban(&entry?.0));
        }
        Ok(bans)
    }

    /// Whether `ban` was found to cover the image.
    pub fn is_invalidated(&self, ban: Sequence, repository: &Repository, digest: &Digest) -> Result<bool> {
        Ok(self.projection.get(&key::invalidated(ban, &key::Place::of(repository, digest)))?.is_some())
    }

    /// How many images there are.
    pub fn count(&self) -> usize {
        self.projection.scan(key::IMAGES).count()
    }

    fn at_places(&self, prefix: &[u8]) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        for entry in self.projection.scan(prefix) {
            let (key, _) = entry?;
            let Some(place) = key::Place::parse(&key) else { continue };
            if let Some(body) = self.projection.get(&place.image())? {
                let pushed = ImagePushed::decode(&body)?;
                let mut tags = Vec::new();
                for entry in self.projection.scan(&key::tagged_by(&place)) {
                    tags.extend(key::last(&entry?.0).parse::<Tag>());
                }
                images.push(Image { pushed, tags });
            }
        }
        Ok(images)
    }

    fn at_references(&self, prefix: &[u8]) -> Result<Vec<Image>> {
        let mut images = Vec::new();
        for entry in self.projection.scan(prefix) {
            if let Ok(reference) = String::from_utf8_lossy(&entry?.1).parse::<ImageRef>() {
                images.extend(self.named(&reference)?);
            }
        }
        Ok(images)
    }
}

/// What `reference` is when it points at `image`.
pub(crate) fn version(reference: &ImageRef, image: &ImagePushed) -> IndexedBase {
    let mut base = IndexedBase {
        reference: reference.pinned(image.digest.clone()),
        digests: [image.digest.clone()].into(),
        chains: BTreeSet::new(),
    };
    for facts in image.facts() {
        base.chains.extend(facts.top());
        base.digests.extend(facts.digests);
    }
    base
}

/// What became of an image under a ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// The ban covers it.
    Invalidated,
    /// The ban covers it no more.
    Restored,
}

impl Image {
    /// Where it is, by digest.
    pub fn reference(&self) -> ImageRef {
        self.pushed.repository.at_digest(self.pushed.digest.clone())
    }

    /// Its names for people: with each tag, or by digest where it has none.
    pub fn names(&self) -> Vec<ImageRef> {
        match self.tags.as_slice() {
            [] => vec![self.reference()],
            tags => tags.iter().map(|tag| self.pushed.repository.at_tag(tag.clone())).collect(),
        }
    }

    /// What is known of each instance.
    pub fn facts(&self) -> impl Iterator<Item = ImageFacts> + '_ {
        self.pushed.facts().map(|facts| ImageFacts { references: self.names(), ..facts })
    }
}

#[cfg(test)]
mod tests;
