//! What bans cover: every digest that a tag is known to have had, what resolutions add, and what is clean again since a fix. Not which image a
//! coverage denies (`decide`).

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use artifact::{BaseRole, ChainId, Digest, ImageFacts, ImageRef};

use super::ActiveBan;
use crate::{
    order::{BanTarget, Sequence},
    resolution::{BanResolution, IndexedBase},
};

/// What a ban covers, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Coverage {
    /// The banned images themselves. For a tag: every digest that it is known to have had, up to the fixed one.
    pub digests: BTreeSet<Digest>,
    /// The tops of their layer chains.
    pub chains: BTreeSet<ChainId>,
    /// Images that contain a banned one in a role that no layer chain shows.
    pub derived: BTreeSet<(Digest, BaseRole)>,
    /// Whether all of the target and of what is derived from it is in; the ban is pending until then.
    pub complete: bool,
    /// What a banned tag points at since it was fixed.
    pub cleared: Cleared,
}

/// What bears the name of a banned tag and is not covered by it, since an operator recorded the digest from which on the tag is clean.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Index, instances and configurations of the fixed digest and of each later one.
    pub digests: BTreeSet<Digest>,
    /// The tops of their layer chains.
    pub chains: BTreeSet<ChainId>,
    /// Whether the newest known digest of the tag is among them. Only then is the bare name clean.
    pub newest: bool,
}

/// Everything that a tag is known to have pointed at. A digest keeps the place of its first appearance, and nothing is ever forgotten.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagHistory {
    /// In the order of their first appearance.
    versions: Vec<IndexedBase>,
    newest: usize,
}

/// What all bans cover.
///
/// The snapshot has one, folded from the streams. The invalidator has a second one, which is ahead of its snapshot by what it has published and not
/// heard of yet. The same histories, resolutions and bans give the same value, in whatever order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Coverages {
    tags: BTreeMap<ImageRef, TagHistory>,
    /// Kept apart from the bans, since a resolution may arrive before its order where the two streams are mirrored.
    resolved: BTreeMap<Sequence, Resolved>,
    bans: BTreeMap<Sequence, Banned>,
}

/// What the resolutions of one ban said.
#[derive(Debug, Clone, Default, PartialEq)]
struct Resolved {
    parts: BTreeMap<Option<Digest>, Part>,
    complete: bool,
    withheld: bool,
}

/// What resolutions said of one banned image and of what is derived from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// The banned image itself: index, instances and configurations.
    pub digests: BTreeSet<Digest>,
    /// The tops of layer chains: its own, and those of the images in `derived`.
    pub chains: BTreeSet<ChainId>,
    /// Images that contain it in a role that no layer chain shows.
    pub derived: BTreeSet<(Digest, BaseRole)>,
}

/// A ban, and the sum of what it covers.
#[derive(Debug, Clone, PartialEq)]
struct Banned {
    target: BanTarget,
    fixed_by: Option<Digest>,
    coverage: Arc<Coverage>,
}

impl Part {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        let Self { digests, chains, derived } = self;
        digests.is_empty() && chains.is_empty() && derived.is_empty()
    }

    /// Takes in another.
    pub fn extend(&mut self, other: Self) {
        let Self { digests, chains, derived } = other;
        self.digests.extend(digests);
        self.chains.extend(chains);
        self.derived.extend(derived);
    }

    fn holds(&self, digest: &Digest, role: BaseRole) -> bool {
        self.derived.contains(&(digest.clone(), role))
    }
}

impl Banned {
    fn tag(&self) -> Option<ImageRef> {
        match &self.target {
            BanTarget::Tag(repository, tag) => Some(repository.at_tag(tag.clone())),
            BanTarget::Digest(..) | BanTarget::Layer(_) => None,
        }
    }
}

impl TagHistory {
    /// What the tag pointed at when it was last read.
    pub fn newest(&self) -> Option<&IndexedBase> {
        self.versions.get(self.newest)
    }

    /// Every version, in the order of first appearance.
    pub fn versions(&self) -> &[IndexedBase] {
        &self.versions
    }

    /// Whether this is known already.
    pub fn contains(&self, base: &IndexedBase) -> bool {
        self.versions.iter().any(|known| known.digests == base.digests)
    }

    fn index(&mut self, base: &IndexedBase) {
        let place = self.versions.iter().position(|known| known.digests == base.digests);
        self.newest = place.unwrap_or(self.versions.len());
        if place.is_none() {
            self.versions.push(base.clone());
        }
    }

    /// The versions before the fix, and those from it on. All come before a digest that is not recorded or that the tag is not known to have had.
    fn split(&self, fixed_by: Option<&Digest>) -> (&[IndexedBase], &[IndexedBase]) {
        let fixed = fixed_by.and_then(|fixed| self.versions.iter().position(|version| version.is_at(fixed)));
        self.versions.split_at_checked(fixed.unwrap_or(self.versions.len())).unwrap_or((&self.versions, &[]))
    }
}

impl Coverages {
    /// What an active ban covers.
    pub fn of(&self, ban: Sequence) -> Option<&Arc<Coverage>> {
        self.bans.get(&ban).map(|banned| &banned.coverage)
    }

    /// What `tag` is known to have pointed at, catalogued or banned.
    pub fn history(&self, tag: &ImageRef) -> Option<&TagHistory> {
        self.tags.get(tag)
    }

    /// The tags that have been read.
    pub fn tags(&self) -> impl Iterator<Item = &ImageRef> {
        self.tags.keys()
    }

    /// The digests that a banned tag is known to have had: those that its ban covers, and those that are clean since its fix. Both are empty where the
    /// ban is not about a tag.
    pub fn versions(&self, ban: Sequence) -> (&[IndexedBase], &[IndexedBase]) {
        let banned = self.bans.get(&ban);
        let history = banned.and_then(|banned| self.tags.get(&banned.tag()?));
        history
            .zip(banned)
            .map(|(history, banned)| history.split(banned.fixed_by.as_ref()))
            .unwrap_or_default()
    }

    /// Whether the last resolution of `ban` said that there is more which could not be published.
    pub fn is_withheld(&self, ban: Sequence) -> bool {
        self.resolved.get(&ban).is_some_and(|resolved| resolved.withheld)
    }

    /// Every banned image of `ban`, fixed or not, that `image` is or contains: by its digest, by its layers (`chain`, all of `image`) or by what
    /// resolutions said, and never by a name. Each by the digest that the banned tag had, or none where the ban is not about a tag.
    pub fn sources(
        &self,
        ban: &ActiveBan,
        image: &ImageFacts,
        chain: &[ChainId],
    ) -> BTreeSet<Option<Digest>> {
        let counts = |role: BaseRole| ban.ban.roles.contains(&role);
        let touches = |digests: &BTreeSet<Digest>, chains: &BTreeSet<ChainId>| {
            image.digests.iter().any(|digest| digests.contains(digest))
                || (counts(BaseRole::Base) && chain.iter().any(|step| chains.contains(step)))
        };
        let mut found = BTreeSet::new();
        let (covered, clean) = self.versions(ban.record.sequence);
        for version in covered.iter().chain(clean) {
            if touches(&version.digests, &version.chains) {
                found.insert(version.reference.digest().cloned());
            }
        }
        let parts = self.resolved.get(&ban.record.sequence).map(|resolved| &resolved.parts);
        for (source, part) in parts.into_iter().flatten() {
            let is_derived = || {
                image.digests.iter().any(|digest| ban.ban.roles.iter().any(|role| part.holds(digest, *role)))
            };
            if touches(&part.digests, &part.chains) || is_derived() {
                found.insert(source.clone());
            }
        }
        let is_target = match &ban.ban.target {
            BanTarget::Digest(_, digest) => image.digests.contains(digest),
            BanTarget::Layer(layer) => counts(BaseRole::Base) && image.layers.contains(layer),
            BanTarget::Tag(..) => false,
        };
        found.extend(is_target.then_some(None));
        found
    }

    /// What of `part` no resolution of `ban` has said of `image`.
    pub fn missing(&self, ban: Sequence, image: Option<&Digest>, part: Part) -> Part {
        let resolved = self.resolved.get(&ban);
        let known = resolved.and_then(|resolved| resolved.parts.get(&image.cloned()));
        match known {
            None => part,
            Some(known) => Part {
                digests: part.digests.difference(&known.digests).cloned().collect(),
                chains: part.chains.difference(&known.chains).cloned().collect(),
                derived: part.derived.difference(&known.derived).cloned().collect(),
            },
        }
    }

    /// Whether everything in `resolution` is known here.
    pub fn contains(&self, resolution: &BanResolution) -> bool {
        let BanResolution { ban, image, digests, chains, derived, complete, withheld: _ } = resolution;
        let Some(resolved) = self.resolved.get(ban) else { return false };
        let is_known = resolved.parts.get(image).is_some_and(|part| {
            digests.is_subset(&part.digests)
                && chains.is_subset(&part.chains)
                && derived.is_subset(&part.derived)
        });
        let says_nothing = digests.is_empty() && chains.is_empty() && derived.is_empty();
        (is_known || says_nothing) && (resolved.complete || !complete)
    }

    /// Makes the bans the ones that are active, with the fixes that are recorded.
    pub fn align<'b>(&mut self, active: impl Iterator<Item = &'b ActiveBan>) {
        let active: BTreeMap<Sequence, &ActiveBan> = active.map(|ban| (ban.record.sequence, ban)).collect();
        let over: Vec<Sequence> = self.bans.keys().filter(|ban| !active.contains_key(ban)).copied().collect();
        over.into_iter().for_each(|ban| self.close(ban));
        for ban in active.into_values() {
            let known = self.bans.get(&ban.record.sequence);
            if known.is_none_or(|known| known.fixed_by != ban.fixed_by) {
                self.open(ban);
            }
        }
    }

    /// A ban is active, or its fix was recorded.
    pub(super) fn open(&mut self, ban: &ActiveBan) {
        let (target, fixed_by) = (ban.ban.target.clone(), ban.fixed_by.clone());
        let coverage = Arc::new(self.sum(ban.record.sequence, &target, fixed_by.as_ref()));
        self.bans.insert(ban.record.sequence, Banned { target, fixed_by, coverage });
    }

    /// A ban is over.
    pub(super) fn close(&mut self, ban: Sequence) {
        self.bans.remove(&ban);
        self.resolved.remove(&ban);
    }

    /// A tag was read: a ban of it covers what it points at, whether the ban is older or newer.
    pub fn index(&mut self, base: &IndexedBase) {
        let tag = base.tag();
        self.tags.entry(tag.clone()).or_default().index(base);
        let of_tag = self.bans.iter().filter(|(_, banned)| banned.tag().as_ref() == Some(&tag));
        let bans: Vec<Sequence> = of_tag.map(|(ban, _)| *ban).collect();
        for ban in bans {
            let Some(Banned { target, fixed_by, .. }) = self.bans.get(&ban) else { continue };
            let sum = self.sum(ban, target, fixed_by.as_ref());
            if let Some(banned) = self.bans.get_mut(&ban) {
                banned.coverage = Arc::new(sum);
            }
        }
    }

    /// A ban was resolved, or what it covers grew.
    pub fn resolve(&mut self, resolution: &BanResolution) {
        let BanResolution { ban, image, digests, chains, derived, complete, withheld } = resolution;
        let resolved = self.resolved.entry(*ban).or_default();
        resolved.complete |= complete;
        resolved.withheld = *withheld;
        let part = resolved.parts.entry(image.clone()).or_default();
        part.digests.extend(digests.iter().cloned());
        part.chains.extend(chains.iter().cloned());
        part.derived.extend(derived.iter().cloned());
        let Some(banned) = self.bans.get(ban) else { return };
        let (is_complete, is_cleared) =
            (self.is_complete(*ban, &banned.target), self.is_cleared(image.as_ref(), banned));
        if let Some(banned) = self.bans.get_mut(ban) {
            let coverage = Arc::make_mut(&mut banned.coverage);
            coverage.complete = is_complete;
            if !is_cleared {
                coverage.digests.extend(digests.iter().cloned());
                coverage.chains.extend(chains.iter().cloned());
                coverage.derived.extend(derived.iter().cloned());
            }
        }
    }

    fn is_complete(&self, ban: Sequence, target: &BanTarget) -> bool {
        let resolved = self.resolved.get(&ban);
        let is_known = match target {
            BanTarget::Digest(..) => false,
            BanTarget::Tag(repository, tag) => self.tags.contains_key(&repository.at_tag(tag.clone())),
            BanTarget::Layer(_) => true,
        };
        (is_known || resolved.is_some_and(|resolved| resolved.complete))
            && !resolved.is_some_and(|resolved| resolved.withheld)
    }

    /// Whether what `image` covers is clean since the tag's fix.
    fn is_cleared(&self, image: Option<&Digest>, banned: &Banned) -> bool {
        let Some(image) = image else { return false };
        let history = banned.tag().and_then(|tag| self.tags.get(&tag));
        history.is_some_and(|history| {
            let (_, clean) = history.split(banned.fixed_by.as_ref());
            clean.iter().any(|version| version.is_at(image))
        })
    }

    fn sum(&self, ban: Sequence, target: &BanTarget, fixed_by: Option<&Digest>) -> Coverage {
        let mut coverage = Coverage { complete: self.is_complete(ban, target), ..Coverage::default() };
        let history = match target {
            BanTarget::Digest(_, digest) => {
                coverage.digests.insert(digest.clone());
                None
            }
            BanTarget::Tag(repository, tag) => self.tags.get(&repository.at_tag(tag.clone())),
            BanTarget::Layer(_) => None,
        };
        let (covered, clean) = history.map(|history| history.split(fixed_by)).unwrap_or_default();
        for version in covered {
            coverage.digests.extend(version.digests.iter().cloned());
            coverage.chains.extend(version.chains.iter().cloned());
        }
        for version in clean {
            coverage.cleared.digests.extend(version.digests.iter().cloned());
            coverage.cleared.chains.extend(version.chains.iter().cloned());
        }
        coverage.cleared.newest =
            history.and_then(TagHistory::newest).is_some_and(|newest| clean.contains(newest));
        let parts = self.resolved.get(&ban).map(|resolved| &resolved.parts);
        for (image, part) in parts.into_iter().flatten() {
            let is_clean =
                image.as_ref().is_some_and(|image| clean.iter().any(|version| version.is_at(image)));
            if !is_clean {
                coverage.digests.extend(part.digests.iter().cloned());
                coverage.chains.extend(part.chains.iter().cloned());
                coverage.derived.extend(part.derived.iter().cloned());
            }
        }
        coverage
    }
}

#[cfg(test)]
mod tests;
