//! How coverage spreads: from a covered image to those derived from it, one image at a time, and into as few messages as it takes. An image that
//! brings nothing new costs a few look-ups. Not what bans mean (`meaning`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use artifact::{BaseRole, Digest, ImageFacts, ImageRef};
use events::resolution::BanResolved;
use tracing::info;
use verdict::{
    Sequence,
    resolution::BanResolution,
    snapshot::{ActiveBan, Part},
};

use super::{Error, Reaction, State};
use crate::{coverage, index::Image};

/// Entries of one resolution: well below the size of a message.
const PAGE: usize = 1_000;

/// Images that were followed under one ban, and which of its banned images each contains.
pub(super) type Followed = BTreeMap<ImageRef, BTreeSet<Option<Digest>>>;

/// What goes into an image: in which role, and what is known of it.
struct Input {
    digest: Digest,
    role: BaseRole,
    images: Vec<Image>,
}

impl State {
    /// An image is new, or its build was recorded: is it covered, and what follows from that?
    pub(super) fn spread_to(&mut self, image: &Image) -> Result<(), Error> {
        let inputs = self.inputs(image)?;
        let mut bans: Vec<ActiveBan> = Vec::new();
        for ban in self.in_force() {
            let is_tied = self
                .ahead
                .of(ban.record.sequence)
                .is_some_and(|coverage| coverage::image_tie(ban, coverage, image).is_some());
            let brings = |input: &Input| counts(ban, input.role) && !self.covering(ban, input).is_empty();
            if is_tied || !self.sources(ban, image).is_empty() || inputs.iter().any(brings) {
                bans.push(ban.clone());
            }
        }
        for ban in bans {
            self.follow(&ban, vec![image.clone()])?;
            // A label that claims the banned name covers its image, and nothing that is derived from it.
            self.found.insert((ban.record.sequence, image.reference()));
        }
        Ok(())
    }

    /// Follows what is derived from `images`, as far as that is not known.
    pub(super) fn follow(&mut self, ban: &ActiveBan, images: Vec<Image>) -> Result<(), Error> {
        let sequence = ban.record.sequence;
        let mut queue: VecDeque<Image> = images.into();
        while let Some(image) = queue.pop_front() {
            let has_grown = self.take_in(ban, &image)?;
            let sources = self.sources(ban, &image);
            let followed = self.followed.entry(sequence).or_default().entry(image.reference()).or_default();
            if sources.is_subset(followed) {
                continue;
            }
            followed.extend(sources);
            self.found.insert((sequence, image.reference()));
            let digests: BTreeSet<Digest> = image.facts().flat_map(|facts| facts.digests).collect();
            for role in ban.ban.roles.iter().filter(|role| **role != BaseRole::Base) {
                for digest in &digests {
                    queue.extend(self.index.built_with(digest, *role)?);
                }
            }
            // What stands on an image that is covered by its layers is covered by the same layers.
            if has_grown {
                for top in image.facts().filter_map(|facts| facts.top()) {
                    queue.extend(self.index.standing_on(&top)?);
                }
            }
        }
        Ok(())
    }

    /// Covers an image by what its build took in, in a role that no layer chain shows: by every digest of its own, and with its layer chains, since
    /// whatever stands on it has that too. Whether it is covered by more than before.
    ///
    /// What is copied out of an image that stands on a banned base is that base's content as well, so every covered image counts as a source.
    fn take_in(&mut self, ban: &ActiveBan, image: &Image) -> Result<bool, Error> {
        let mut has_grown = false;
        for input in self.inputs(image)?.iter().filter(|input| counts(ban, input.role)) {
            for source in self.covering(ban, input) {
                let mut part = Part::default();
                for facts in image.facts() {
                    part.chains.extend(facts.top());
                    part.derived.extend(facts.digests.into_iter().map(|digest| (digest, input.role)));
                }
                has_grown |= self.grow(ban.record.sequence, source, part);
            }
        }
        Ok(has_grown)
    }

    /// Adds to what a ban covers; published with the next flush. Whether any of it is new.
    pub(super) fn grow(&mut self, ban: Sequence, image: Option<Digest>, part: Part) -> bool {
        let part = self.ahead.missing(ban, image.as_ref(), part);
        if part.is_empty() {
            return false;
        }
        self.ahead.resolve(&BanResolution {
            ban,
            image: image.clone(),
            digests: part.digests.clone(),
            chains: part.chains.clone(),
            derived: part.derived.clone(),
            complete: false,
            withheld: false,
        });
        self.grown.entry(ban).or_default().entry(image).or_default().extend(part);
        true
    }

    /// Everything that is known of a ban was followed: the next flush says so, once.
    pub(super) fn complete(&mut self, ban: &ActiveBan) {
        if !self.resolved.contains(&ban.record.sequence) {
            self.completed.insert(ban.record.sequence);
        }
    }

    /// How many images a ban is known to cover.
    pub(super) fn covered(&self, ban: Sequence) -> usize {
        self.followed.get(&ban).map_or(0, Followed::len)
    }

    /// What has been found since the last time, as facts. Called after each order, and after each batch of images and builds.
    pub(crate) fn flush(&mut self) -> Result<Reaction, Error> {
        let mut reaction = Reaction::default();
        if self.caught_up {
            self.flush_into(&mut reaction)?;
        }
        Ok(reaction)
    }

    pub(super) fn flush_into(&mut self, reaction: &mut Reaction) -> Result<(), Error> {
        let mut bans: BTreeSet<Sequence> = self.grown.keys().copied().collect();
        bans.extend(self.completed.iter().chain(&self.unpublished));
        if self.has_room {
            bans.extend(&self.withheld);
        }
        for ban in bans {
            self.publish_grown(ban, reaction);
        }
        for (sequence, reference) in std::mem::take(&mut self.found) {
            let (Some(ban), Some(image)) =
                (self.snapshot.ban(sequence).cloned(), self.index.named(&reference)?)
            else {
                continue;
            };
            let coverage = self.ahead.of(sequence).cloned().unwrap_or_default();
            match coverage::image_tie(&ban, &coverage, &image) {
                Some(tie) if coverage.complete => self.say_invalidated(&ban, &image, &tie, reaction)?,
                // Named once the ban is complete.
                Some(_) => drop(self.found.insert((sequence, reference))),
                None => {}
            }
        }
        Ok(())
    }

    /// Publishes what a ban covers as well now, or, where the stream has no room for it, that there is more.
    fn publish_grown(&mut self, ban: Sequence, reaction: &mut Reaction) {
        let has_more = self.grown.contains_key(&ban) || self.unpublished.contains(&ban);
        if !self.has_room && has_more {
            if self.completed.remove(&ban) {
                // What is known is acted on all the same.
                self.ahead.resolve(&BanResolution { complete: true, ..nothing(ban) });
            }
            if self.withheld.insert(ban) {
                reaction.facts.push(BanResolved::from(BanResolution { withheld: true, ..nothing(ban) }));
            }
            return;
        }
        let is_new = self.completed.remove(&ban);
        let was_withheld = self.has_room && self.withheld.remove(&ban);
        self.unpublished.remove(&ban);
        let mut pages: Vec<BanResolution> = Vec::new();
        for (image, part) in self.grown.remove(&ban).unwrap_or_default() {
            pages.extend(paged(ban, image.as_ref(), part));
        }
        if pages.is_empty() && (is_new || was_withheld) {
            pages.push(nothing(ban));
        }
        let is_resolved = self.resolved.contains(&ban);
        if is_new || was_withheld || is_resolved {
            self.resolved.insert(ban);
            // The last one says so: a ban is not complete while the pages are on their way.
            if let Some(last) = pages.last_mut() {
                last.complete = true;
                self.ahead.resolve(last);
            }
        }
        pages.into_iter().for_each(|page| reaction.facts.push(BanResolved::from(page)));
    }

    /// Whether RESOLUTIONS has room for more than answers. Without it, what bans cover as well is not published, and they are pending; orders are
    /// answered all the same.
    pub(crate) fn set_room(&mut self, has_room: bool) -> Result<Reaction, Error> {
        let mut reaction = Reaction::default();
        if has_room == self.has_room {
            return Ok(reaction);
        }
        self.has_room = has_room;
        if has_room {
            info!("RESOLUTIONS has room again; what was held back is published.");
            if self.caught_up {
                self.resolve_all(&mut reaction)?;
            }
        }
        Ok(reaction)
    }

    fn inputs(&self, image: &Image) -> Result<Vec<Input>, Error> {
        let recorded = self.index.inputs(&image.pushed.repository, &image.pushed.digest)?;
        let shown = recorded.into_iter().filter(|(_, role)| *role != BaseRole::Base);
        let known = shown.map(|(digest, role)| {
            let images = self.index.identified_by(&digest)?;
            Ok(Input { digest, role, images })
        });
        known.collect()
    }

    fn sources(&self, ban: &ActiveBan, image: &Image) -> BTreeSet<Option<Digest>> {
        image.facts().flat_map(|facts| self.ahead.sources(ban, &facts, &facts.chain())).collect()
    }

    /// The banned images that an input is or contains.
    fn covering(&self, ban: &ActiveBan, input: &Input) -> BTreeSet<Option<Digest>> {
        let itself = ImageFacts { digests: [input.digest.clone()].into(), ..ImageFacts::default() };
        let mut sources = self.ahead.sources(ban, &itself, &[]);
        sources.extend(input.images.iter().flat_map(|image| self.sources(ban, image)));
        sources
    }
}

/// Whether a ban covers what takes the banned image in so, though no layer chain shows it.
fn counts(ban: &ActiveBan, role: BaseRole) -> bool {
    role != BaseRole::Base && ban.ban.roles.contains(&role)
}

fn nothing(ban: Sequence) -> BanResolution {
    BanResolution {
        ban,
        image: None,
        digests: BTreeSet::new(),
        chains: BTreeSet::new(),
        derived: BTreeSet::new(),
        complete: false,
        withheld: false,
    }
}

/// As few messages as it takes.
fn paged(ban: Sequence, image: Option<&Digest>, part: Part) -> Vec<BanResolution> {
    let Part { digests, chains, derived } = part;
    let (mut chains, mut derived) = (chains.into_iter().peekable(), derived.into_iter().peekable());
    let mut pages = vec![BanResolution { image: image.cloned(), digests, ..nothing(ban) }];
    while chains.peek().is_some() || derived.peek().is_some() {
        let page = BanResolution {
            image: image.cloned(),
            chains: chains.by_ref().take(PAGE).collect(),
            derived: derived.by_ref().take(PAGE).collect(),
            ..nothing(ban)
        };
        match pages.last_mut().filter(|last| last.chains.is_empty() && last.derived.is_empty()) {
            Some(first) => *first = BanResolution { digests: std::mem::take(&mut first.digests), ..page },
            None => pages.push(page),
        }
    }
    pages
}
