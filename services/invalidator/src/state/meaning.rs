//! What bans mean: which digests and chains, which images they cover, and what has to be asked for that. Not how they end.

use std::collections::BTreeSet;

use artifact::ImageRef;
use events::{
    fact::{CampaignOpened, ImageInvalidated, ImagePushed},
    resolution::{BanResolved, BaseIndexed},
};
use lineage::Tie;
use verdict::{
    order::{BanTarget, Standing},
    resolution::{BanResolution, IndexedBase},
    snapshot::ActiveBan,
};

use super::{Error, Reaction, State};
use crate::{coverage, index::Image, lookup::Question};

/// Entries of one resolution: well below the size of a message.
const PAGE: usize = 1_000;

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
        catalogued.retain(|reference| self.snapshot.indexed(reference).is_none());
        catalogued.sort();
        catalogued.dedup();
        for reference in catalogued {
            match self.index.named(&reference)? {
                Some(image) => self.say_indexed(reference, &image, reaction),
                None => self.ask(Question::Base(reference), reaction),
            }
        }
        Ok(())
    }

    pub(super) fn resolve(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        if self.resolved.contains(&ban.record.sequence) {
            return Ok(());
        }
        let reference = match &ban.ban.target {
            BanTarget::Layer(_) => {
                self.say_resolved(ban, None, reaction);
                return Ok(());
            }
            BanTarget::Tag(repository, tag) => repository.at_tag(tag.clone()),
            BanTarget::Digest(repository, digest) => {
                if let Some(image) = self.index.identified_by(digest)?.into_iter().next() {
                    self.say_resolved(ban, Some(&image), reaction);
                    return Ok(());
                }
                repository.at_digest(digest.clone())
            }
        };
        match self.index.named(&reference)? {
            Some(image) => self.say_resolved(ban, Some(&image), reaction),
            None => self.ask(Question::Ban(ban.record.sequence, reference), reaction),
        }
        Ok(())
    }

    /// Names every image that a resolved ban covers and opens its campaign.
    pub(super) fn cover(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        if !self.snapshot.coverage(ban).complete {
            return Ok(());
        }
        self.widen(ban, reaction)?;
        let covered = coverage::covered(&self.index, &self.snapshot, ban)?;
        for (image, tie) in &covered {
            self.say_invalidated(ban, image, tie, reaction)?;
        }
        if !self.ledger.is_opened(ban.record.sequence) {
            let opened = CampaignOpened {
                ban: ban.record.sequence,
                target: ban.ban.target.to_string(),
                replacement: ban.ban.replacement.clone(),
                ordered_at: ban.record.at,
                images: u32::try_from(covered.len()).unwrap_or(u32::MAX),
            };
            self.ledger.opened(&opened);
            reaction.facts.push(opened);
        }
        Ok(())
    }

    pub(super) fn widen(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        if !self.snapshot.coverage(ban).complete {
            return Ok(());
        }
        let found = coverage::recorded(&self.index, &self.snapshot, ban)?;
        let chains: Vec<_> = found.chains.iter().cloned().collect();
        let derived: Vec<_> = found.derived.iter().cloned().collect();
        let empty = coverage::resolution(ban, None);
        for page in chains.chunks(PAGE) {
            let chains = page.iter().cloned().collect();
            reaction.facts.push(BanResolved::from(BanResolution { chains, ..empty.clone() }));
        }
        for page in derived.chunks(PAGE) {
            let derived = page.iter().cloned().collect();
            reaction.facts.push(BanResolved::from(BanResolution { derived, ..empty.clone() }));
        }
        Ok(())
    }

    /// An image was pushed: is it a catalogued version, is it covered by a ban?
    pub(super) fn place(&mut self, pushed: &ImagePushed, reaction: &mut Reaction) -> Result<(), Error> {
        if !self.caught_up {
            return Ok(());
        }
        let Some(image) = self.index.image(&pushed.repository, &pushed.digest)? else { return Ok(()) };
        if let Some(tag) = &pushed.tag
            && self
                .snapshot
                .base(&pushed.repository)
                .is_some_and(|base| base.standing(tag) != Standing::Unlisted)
        {
            self.say_indexed(pushed.repository.at_tag(tag.clone()), &image, reaction);
        }
        for ban in self.in_force() {
            // A banned tag is banned wherever it moves; and a ban that waited for it is resolved now.
            if ban.ban.names(&pushed.reference()) && self.adds(&ban, &image) {
                self.resolved.insert(ban.record.sequence);
                reaction.facts.push(BanResolved::from(coverage::resolution(&ban, Some(&image))));
            }
            let coverage = self.snapshot.coverage(&ban);
            if let Some(tie) = coverage::image_tie(&ban, &coverage, &image).filter(|_| coverage.complete) {
                self.say_invalidated(&ban, &image, &tie, reaction)?;
            }
            // Its build may have been heard of before it was.
            self.widen(&ban, reaction)?;
        }
        Ok(())
    }

    /// Whether the coverage of `ban` lacks any digest of `image`.
    pub(super) fn adds(&self, ban: &ActiveBan, image: &Image) -> bool {
        let coverage = self.snapshot.coverage(ban);
        image.facts().any(|facts| !facts.digests.is_subset(&coverage.digests))
    }

    pub(super) fn say_indexed(&self, reference: ImageRef, image: &Image, reaction: &mut Reaction) {
        let mut base = IndexedBase { reference, digests: BTreeSet::new(), chains: BTreeSet::new() };
        for facts in image.facts() {
            base.chains.extend(facts.top());
            base.digests.extend(facts.digests);
        }
        if self.snapshot.indexed(&base.reference) != Some(&base) {
            reaction.facts.push(BaseIndexed::from(base));
        }
    }

    pub(super) fn say_resolved(&mut self, ban: &ActiveBan, image: Option<&Image>, reaction: &mut Reaction) {
        if self.resolved.insert(ban.record.sequence) {
            reaction.facts.push(BanResolved::from(coverage::resolution(ban, image)));
        }
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
