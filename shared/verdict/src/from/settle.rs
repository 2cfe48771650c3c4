//! From what could take a reference's place to what may: the guards that hold whatever a rule or a ban says.

use std::cmp::Ordering;

use artifact::{ImageRef, Repository, Tag};
use time::OffsetDateTime;

use super::{BaseChoice, FromRule};
use crate::{
    order::{Base, Downgrades, Pins, Replacement},
    snapshot::Snapshot,
    version::Version,
};

/// One reference under one snapshot at one moment.
pub(super) struct Judge<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) written: &'a ImageRef,
    pub(super) now: OffsetDateTime,
}

/// Something that could be built on instead.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) image: ImageRef,
    pub(super) rule: FromRule,
    /// Whether an operator said that it may be older.
    pub(super) said: bool,
}

impl Candidate {
    pub(super) fn said(image: ImageRef, rule: FromRule) -> Self {
        Self { image, rule, said: true }
    }

    pub(super) fn by(rule: &Replacement, image: ImageRef) -> Self {
        let said = rule.downgrades == Downgrades::Allowed;
        Self { image, rule: FromRule::Replacement(rule.name.clone()), said }
    }
}

impl Judge<'_> {
    /// The versions of `base` that may follow the written one, best first: the current one, then the newest.
    pub(super) fn versions(&self, base: &Base, rule: &FromRule) -> Vec<Candidate> {
        let at = |tag: &Tag| Candidate {
            image: base.repository.at_tag(tag.clone()),
            rule: rule.clone(),
            said: base.downgrades == Downgrades::Allowed,
        };
        let Some(written) = self.written.tag().and_then(Version::of) else {
            // Nobody can tell what follows `latest`; the operator says so by naming what is current.
            return vec![at(&base.current)];
        };
        let fits = Version::of(&base.current).is_some_and(|current| written.is_like(&current, base.majors));
        let known = base.tags().chain(self.snapshot.indexed_tags(&base.repository));
        let mut newer: Vec<(Version, &Tag)> = known
            .filter(|tag| base.allows(tag))
            .filter_map(|tag| Some((Version::of(tag)?, tag)))
            .filter(|(version, _)| written.steps_to(version, base.majors))
            .collect();
        newer
            .sort_by(|(one, a), (other, b)| other.age(one).unwrap_or(Ordering::Equal).then_with(|| a.cmp(b)));
        fits.then(|| at(&base.current)).into_iter().chain(newer.into_iter().map(|(_, tag)| at(tag))).collect()
    }

    /// The first candidate that stands every guard, else a refusal.
    pub(super) fn settle(&self, candidates: Vec<Candidate>, why: String, rule: FromRule) -> BaseChoice {
        let pinned = |image: &ImageRef| {
            let entry = self.snapshot.base(image.repository()).is_some_and(|base| base.pins == Pins::Digest);
            if entry || self.written.digest().is_some() { Pins::Digest } else { Pins::AsWritten }
        };
        let candidates = candidates.into_iter().filter(|candidate| !self.is_same(&candidate.image));
        match candidates.into_iter().find(|candidate| self.may_follow(candidate)) {
            Some(Candidate { image, rule, said: _ }) => {
                let pin = pinned(&image);
                BaseChoice::Replace { with: image, pin, rule, why }
            }
            None => self.refuse(why, rule),
        }
    }

    /// As [`Judge::settle`], where the version stays and its digest is what changes.
    pub(super) fn settle_at(
        &self,
        candidates: Vec<Candidate>,
        why: String,
        rule: FromRule,
        pin: Pins,
    ) -> BaseChoice {
        match candidates.into_iter().find(|candidate| self.may_follow(candidate)) {
            Some(Candidate { image, rule, said: _ }) => BaseChoice::Replace { with: image, pin, rule, why },
            None => self.refuse(why, rule),
        }
    }

    pub(super) fn refuse(&self, why: String, rule: FromRule) -> BaseChoice {
        let repository = self.written.repository();
        let nearest = nearest(self.snapshot, repository.path(), Some(repository.host()), self.now);
        BaseChoice::Refuse { rule, why, nearest }
    }

    /// Whether the digest beside the written tag, if there is one, is what the tag is known to point at: a tag beside a digest is only
    /// decoration, and vouches for nothing else.
    pub(super) fn is_placed(&self) -> bool {
        let Some((digest, tag)) = self.written.digest().zip(self.written.tag()) else { return true };
        let indexed = self.snapshot.indexed(&self.written.repository().at_tag(tag.clone()));
        indexed.is_some_and(|indexed| indexed.digests.contains(digest))
    }

    fn is_same(&self, image: &ImageRef) -> bool {
        image.repository() == self.written.repository() && image.tag() == self.written.tag()
    }

    /// Not banned, not outside the catalog, and not older unless an operator said so.
    fn may_follow(&self, candidate: &Candidate) -> bool {
        let Candidate { image, rule: _, said } = candidate;
        self.snapshot.allows(image)
            && !self.snapshot.is_banned(image, self.now)
            && (*said || !self.is_older(image))
    }

    /// Whether `image` is an older version of what is written: of the same repository, or of one that ends in the same name.
    fn is_older(&self, image: &ImageRef) -> bool {
        let name = |repository: &Repository| last(repository.path()).to_owned();
        let version = |image: &ImageRef| image.tag().and_then(Version::of);
        name(image.repository()) == name(self.written.repository())
            && version(image)
                .zip(version(self.written))
                .is_some_and(|(new, old)| new.age(&old) == Some(Ordering::Less))
    }
}

/// The allowed base whose repository is spelt most like `path`, at `host` if need be.
pub(super) fn nearest(
    snapshot: &Snapshot,
    path: &str,
    host: Option<&str>,
    now: OffsetDateTime,
) -> Option<ImageRef> {
    snapshot
        .bases()
        .map(|base| base.repository.at_tag(base.current.clone()))
        .filter(|image| !snapshot.is_banned(image, now))
        .max_by_key(|image| {
            let repository = image.repository();
            (likeness(repository.path(), path), Some(repository.host()) == host)
        })
}

/// How alike two paths are: shared components weigh most, then the shared beginning of the last component.
fn likeness(one: &str, other: &str) -> usize {
    let shared = one.split('/').filter(|part| other.split('/').any(|word| word == *part)).count();
    let start = last(one).bytes().zip(last(other).bytes()).take_while(|(a, b)| a == b).count();
    shared * 256 + start
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}
