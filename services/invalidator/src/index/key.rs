//! The index's keys. Each is readable: what it is about, then where the image is.

use artifact::{BaseRole, ChainId, DiffId, Digest, Repository, Tag, chain_ids};
use events::fact::ImagePushed;
use verdict::Sequence;

/// What every image's own entry begins with.
pub(super) const IMAGES: &[u8] = b"image/";

/// What every mark of a ban begins with.
pub(super) const MARKS: &[u8] = b"invalidated/";

/// Where an image is: the last two parts of every key that points at one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    repository: String,
    digest: String,
}

impl Place {
    pub(super) fn of(repository: &Repository, digest: &Digest) -> Self {
        Self { repository: repository.key(), digest: digest.hex().to_owned() }
    }

    /// The place that a key points at.
    pub(super) fn parse(key: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(key).ok()?;
        let mut parts = text.rsplit('/');
        let digest = parts.next()?.to_owned();
        let repository = parts.next()?.to_owned();
        Some(Self { repository, digest })
    }

    pub(super) fn image(&self) -> Vec<u8> {
        format!("image/{self}").into_bytes()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.repository, self.digest)
    }
}

/// Every key under which an image can be found, but its own.
pub(super) fn of_image(image: &ImagePushed) -> impl Iterator<Item = Vec<u8>> {
    let place = Place::of(&image.repository, &image.digest);
    let mut keys = vec![[identity(&image.digest), place.to_string().into_bytes()].concat()];
    for instance in &image.instances {
        let prefixes = chain_ids(&instance.layers);
        let mut beginnings = vec![identity(&instance.digest), identity(&instance.config_digest)];
        beginnings.extend(prefixes.iter().map(chain));
        beginnings.extend(prefixes.last().map(top));
        beginnings.extend(instance.layers.iter().map(layer));
        keys.extend(
            beginnings.into_iter().map(|beginning| [beginning, place.to_string().into_bytes()].concat()),
        );
    }
    keys.into_iter()
}

pub(super) fn identity(digest: &Digest) -> Vec<u8> {
    format!("identity/{}/", digest.hex()).into_bytes()
}

pub(super) fn chain(chain: &ChainId) -> Vec<u8> {
    format!("chain/{}/", chain.digest().hex()).into_bytes()
}

pub(super) fn top(chain: &ChainId) -> Vec<u8> {
    format!("top/{}/", chain.digest().hex()).into_bytes()
}

pub(super) fn layer(layer: &DiffId) -> Vec<u8> {
    format!("layer/{}/", layer.digest().hex()).into_bytes()
}

pub(super) fn tags(repository: &Repository) -> Vec<u8> {
    format!("tag/{}/", repository.key()).into_bytes()
}

pub(super) fn tag(repository: &Repository, tag: &Tag) -> Vec<u8> {
    [tags(repository), tag.to_string().into_bytes()].concat()
}

/// The tags that point at an image.
pub(super) fn tagged_by(place: &Place) -> Vec<u8> {
    format!("tagged/{place}/").into_bytes()
}

pub(super) fn tagged(place: &Place, tag: &Tag) -> Vec<u8> {
    [tagged_by(place), tag.to_string().into_bytes()].concat()
}

/// What a tag has pointed at.
pub(super) fn history_of(repository: &Repository, tag: &Tag) -> Vec<u8> {
    format!("history/{}/{tag}/", repository.key()).into_bytes()
}

/// Sorted by the place in IMAGES of the first push.
pub(super) fn history(repository: &Repository, tag: &Tag, sequence: u64) -> Vec<u8> {
    [history_of(repository, tag), format!("{sequence:020}").into_bytes()].concat()
}

/// What went into an image, and in which role: the last two parts.
pub(super) fn used_by(place: &Place) -> Vec<u8> {
    format!("used/{place}/").into_bytes()
}

pub(super) fn used(place: &Place, role: BaseRole, base: &Digest) -> Vec<u8> {
    [used_by(place), format!("{role}/{base}").into_bytes()].concat()
}

/// The role and the digest of a key of [`used`].
pub(super) fn input_of(key: &[u8]) -> Option<(Digest, BaseRole)> {
    let text = std::str::from_utf8(key).ok()?;
    let mut parts = text.rsplit('/');
    let digest = parts.next()?.parse().ok()?;
    Some((digest, parts.next()?.parse().ok()?))
}

/// The last part of a key.
pub(super) fn last(key: &[u8]) -> String {
    String::from_utf8_lossy(key).rsplit('/').next().unwrap_or_default().to_owned()
}

pub(super) fn inputs(base: &Digest, role: BaseRole) -> Vec<u8> {
    format!("input/{}/{role}/", base.hex()).into_bytes()
}

pub(super) fn input(base: &Digest, role: BaseRole, place: &Place) -> Vec<u8> {
    [inputs(base, role), place.to_string().into_bytes()].concat()
}

/// The ban of a mark.
pub(super) fn ban(mark: &[u8]) -> Option<Sequence> {
    String::from_utf8_lossy(mark).split('/').nth(1)?.parse().ok().map(Sequence)
}

pub(super) fn invalidated_by(ban: Sequence) -> Vec<u8> {
    format!("invalidated/{ban}/").into_bytes()
}

pub(super) fn invalidated(ban: Sequence, place: &Place) -> Vec<u8> {
    [invalidated_by(ban), place.to_string().into_bytes()].concat()
}
