//! What bans mean: which digests a tag has had, which images are covered, and what has to be asked for that. Not how coverage spreads from one image to
//! those derived from it (`spread`), and not how bans end (`ending`).

use artifact::ImageRef;
use events::{
    fact::{CampaignOpened, ImageInvalidated, ImagePushed},
    resolution::BaseIndexed,
};
use lineage::Tie;
use verdict::{
    order::{BanTarget, Standing},
    resolution::IndexedBase,
    snapshot::ActiveBan,
};

use super::{Error, Reaction, State};
use crate::{
    coverage,
    index::{Image, version},
    lookup::Question,
};

impl State {
    /// Catalogued versions are read before any ban, so that a ban of one is resolved the moment it is stored.
    pub(super) fn look_up_bases(&mut self, reaction: &mut Reaction) -> Result<(), Error> {
        let mut catalogued: Vec<ImageRef> = Vec::new();
        for base in self.snapshot.bases() {
            // A range or a glob means no version by its name; those that were pushed are known.
            let pushed = self.index.tags(&base.repository)?;
            let meant = pushed.iter().filter(|tag| base.standing(tag) != Standing::Unlisted);
            catalogued.extend(base.tags().chain(meant).map(|tag| base.repository.at_tag(tag.clone())));
        }
        catalogued.sort();
        catalogued.dedup();
        for reference in catalogued {
            if !self.publish_history(&reference, reaction)? && self.ahead.history(&reference).is_none() {
                self.ask(Question::Base(reference), reaction);
            }
        }
        Ok(())
    }

    /// Publishes what `ban` means as far as that is known, and asks the registry where nothing is.
    pub(super) fn resolve(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        let sequence = ban.record.sequence;
        let unknown = match &ban.ban.target {
            BanTarget::Layer(_) => None,
            BanTarget::Tag(repository, tag) => {
                let reference = repository.at_tag(tag.clone());
                let is_pushed = self.publish_history(&reference, reaction)?;
                (!is_pushed && !self.resolved.contains(&sequence)).then_some(reference)
            }
            BanTarget::Digest(repository, digest) => {
                match self.index.identified_by(digest)?.into_iter().next() {
                    Some(image) => {
                        self.grow(sequence, None, coverage::target(ban, &image));
                        None
                    }
                    None if self.resolved.contains(&sequence) => None,
                    None => Some(repository.at_digest(digest.clone())),
                }
            }
        };
        let is_known = unknown.is_none() || self.is_complete(ban);
        if let Some(reference) = unknown {
            self.ask(Question::Ban(sequence, reference), reaction);
        }
        if is_known {
            return self.cover(ban, reaction);
        }
        // A digest may have been built with before it was read.
        let candidates = coverage::candidates(&self.index, ban, &self.ahead)?;
        self.follow(ban, candidates)?;
        self.flush_into(reaction)
    }

    /// Follows everything that a ban covers, says that this is all, and opens its campaign.
    pub(super) fn cover(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        let sequence = ban.record.sequence;
        let candidates = coverage::candidates(&self.index, ban, &self.ahead)?;
        self.follow(ban, candidates)?;
        self.complete(ban);
        self.flush_into(reaction)?;
        if !self.ledger.is_opened(sequence) {
            let opened = CampaignOpened {
                ban: sequence,
                target: ban.ban.target.to_string(),
                replacement: ban.ban.replacement.clone(),
                ordered_at: ban.record.at,
                images: u32::try_from(self.covered(sequence)).unwrap_or(u32::MAX),
            };
            self.ledger.opened(&opened);
            reaction.facts.push(opened);
        }
        Ok(())
    }

    /// An image was pushed, or a tag moved: is it a catalogued version, is it covered by a ban?
    pub(super) fn place(&mut self, pushed: &ImagePushed, reaction: &mut Reaction) -> Result<(), Error> {
        let Some(image) = self.index.image(&pushed.repository, &pushed.digest)? else { return Ok(()) };
        if let Some(tag) = &pushed.tag {
            let reference = pushed.repository.at_tag(tag.clone());
            let base = self.snapshot.base(&pushed.repository);
            let is_catalogued = base.is_some_and(|base| base.standing(tag) != Standing::Unlisted);
            // A banned tag is banned wherever it moves; and a ban that waited for it is resolved now.
            let bans: Vec<ActiveBan> =
                self.in_force().filter(|ban| ban.ban.names(&reference)).cloned().collect();
            if is_catalogued || !bans.is_empty() {
                self.publish_history(&reference, reaction)?;
            }
            for ban in bans {
                self.cover(&ban, reaction)?;
            }
        }
        // The ban of a digest may have waited for it, by whatever name it comes.
        let is_target = |ban: &&ActiveBan| matches!(&ban.ban.target, BanTarget::Digest(_, digest) if image.facts().any(|facts| facts.digests.contains(digest)));
        let waiting = |ban: &&ActiveBan| !self.resolved.contains(&ban.record.sequence) && is_target(ban);
        for ban in self.in_force().filter(waiting).cloned().collect::<Vec<_>>() {
            self.resolve(&ban, reaction)?;
        }
        self.spread_to(&image)
    }

    /// Publishes everything that a tag is known to have pointed at and that is not published, then what it points at now. Whether anything is known.
    pub(super) fn publish_history(
        &mut self,
        reference: &ImageRef,
        reaction: &mut Reaction,
    ) -> Result<bool, Error> {
        let versions = self.index.history(reference)?;
        let is_known = !versions.is_empty();
        for base in versions {
            if self.ahead.history(reference).is_none_or(|history| !history.contains(&base)) {
                self.publish_indexed(base, reaction);
            }
        }
        if let Some(image) = self.index.named(reference)? {
            self.publish_indexed(version(reference, &image.pushed), reaction);
        }
        Ok(is_known)
    }

    /// Publishes what a tag points at, unless that is known.
    pub(super) fn publish_indexed(&mut self, base: IndexedBase, reaction: &mut Reaction) {
        let tag = base.tag();
        let history = self.ahead.history(&tag);
        let newest = history.and_then(|history| history.newest());
        if newest.is_some_and(|newest| newest.digests == base.digests) {
            return;
        }
        if !self.has_room {
            let naming = self.in_force().filter(|ban| ban.ban.names(&tag)).map(|ban| ban.record.sequence);
            self.unpublished.extend(naming.collect::<Vec<_>>());
            return;
        }
        self.ahead.index(&base);
        reaction.facts.push(BaseIndexed::from(base));
    }

    /// Whether the target of a ban is known.
    fn is_complete(&self, ban: &ActiveBan) -> bool {
        self.ahead.of(ban.record.sequence).is_some_and(|coverage| coverage.complete)
    }

    pub(super) fn say_invalidated(
        &mut self,
        ban: &ActiveBan,
        image: &Image,
        tie: &Tie,
        reaction: &mut Reaction,
    ) -> Result<(), Error> {
        let ImagePushed { repository, digest, .. } = &image.pushed;
        let new = self.named.insert((ban.record.sequence, image.reference()));
        if !new || self.index.is_invalidated(ban.record.sequence, repository, digest)? {
            return Ok(());
        }
        reaction.facts.push(ImageInvalidated {
            repository: repository.clone(),
            digest: digest.clone(),
            tags: image.tags.clone(),
            ban: ban.record.sequence,
            role: tie.role,
            evidence: tie.evidence.kind().to_owned(),
            target: ban.ban.target.to_string(),
        });
        Ok(())
    }

    pub(super) fn ask(&mut self, question: Question, reaction: &mut Reaction) {
        if self.asked.insert(question.clone()) {
            reaction.questions.push(question);
        }
    }
}
