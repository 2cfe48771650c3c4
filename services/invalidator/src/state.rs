//! What has been read, what has been said, and what is left to say. Decides; publishes nothing and asks nobody.

use std::collections::{BTreeMap, BTreeSet};

use artifact::ImageRef;
use bus::{Outbox, Record};
use events::{
    Event as _, Folded, Malformed,
    fact::{
        BuildFinished, CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed,
        ContainerRemedied, ImageDeleted, ImageInvalidated, ImagePushed, ImageRestored,
    },
    fold,
    resolution::{BanResolved, BaseIndexed, OrderAccepted, OrderRejected},
    topology::StreamName,
};
use lineage::Tie;
use verdict::{
    Outcome, Resolution, Sequence, Snapshot,
    order::{BanTarget, Standing},
    resolution::{BanResolution, IndexedBase},
    snapshot::ActiveBan,
};

use crate::{
    coverage,
    index::{self, Image, Index, Mark},
    ledger::Ledger,
    lookup::Question,
};

/// Entries of one resolution: well below the size of a message.
const PAGE: usize = 1_000;

/// What is to be done because of one message.
#[derive(Debug, Default)]
pub(crate) struct Reaction {
    pub(crate) facts: Outbox,
    pub(crate) questions: Vec<Question>,
}

pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    pub(crate) index: Index,
    pub(crate) ledger: Ledger,
    /// Orders whose outcome has been published.
    answered: BTreeSet<Sequence>,
    /// Bans of which a complete resolution has been published.
    resolved: BTreeSet<Sequence>,
    /// Outcomes that are not published yet, since the stream is still being read.
    unanswered: BTreeMap<Sequence, Said>,
    asked: BTreeSet<Question>,
    /// Images that were named as covered, until they are restored: the fact's own echo comes later.
    named: BTreeSet<(Sequence, ImageRef)>,
    caught_up: bool,
}

struct Said {
    operator: String,
    kind: String,
    outcome: Outcome,
}

/// Why a message could not be folded.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Index(#[from] index::Error),
}

impl State {
    pub(crate) fn new(index: Index) -> Self {
        Self {
            snapshot: Snapshot::default(),
            index,
            ledger: Ledger::default(),
            answered: BTreeSet::new(),
            resolved: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            asked: BTreeSet::new(),
            named: BTreeSet::new(),
            caught_up: false,
        }
    }

    /// Folds one message and says what follows from it.
    pub(crate) fn hear(&mut self, record: &Record) -> Result<Reaction, Error> {
        match record.stream {
            StreamName::Orders | StreamName::Resolutions => self.hear_authority(record),
            StreamName::Images => self.hear_image(record),
            StreamName::Builds => self.hear_build(record),
            StreamName::Campaigns | StreamName::Nodes => {
                if let Err(error) = self.hear_progress(record) {
                    tracing::warn!(%error, subject = %record.subject, "A fact cannot be read and is left out of the ledger.");
                }
                Ok(Reaction::default())
            }
            StreamName::Sources | StreamName::WorkBuild | StreamName::Dead | StreamName::Redrive => {
                Ok(Reaction::default())
            }
        }
    }

    /// Everything that was stored has been read: says what a predecessor left unsaid.
    pub(crate) fn catch_up(&mut self) -> Result<Reaction, Error> {
        self.caught_up = true;
        let mut reaction = Reaction::default();
        for (sequence, said) in std::mem::take(&mut self.unanswered) {
            self.answer(sequence, said, &mut reaction);
        }
        self.look_up_bases(&mut reaction)?;
        for ban in self.snapshot.bans().cloned().collect::<Vec<_>>() {
            self.resolve(&ban, &mut reaction)?;
            self.cover(&ban, &mut reaction)?;
        }
        // Bans that ended while nobody listened.
        let mut ended = self.index.marking()?;
        ended.retain(|ban| self.snapshot.ban(*ban).is_none());
        for ended in ended {
            self.restore(ended, &mut reaction)?;
        }
        Ok(reaction)
    }

    /// The registry answered.
    pub(crate) fn found(&mut self, question: Question, image: Option<Image>) -> Result<Reaction, Error> {
        self.asked.remove(&question);
        let mut reaction = Reaction::default();
        match question {
            Question::Base(reference) => {
                if let Some(image) = image {
                    self.say_indexed(reference, &image, &mut reaction);
                }
            }
            Question::Ban(sequence, _) => {
                // Without an image nothing is resolved: the ban stays pending, which never lets anything pass that it might cover.
                if let (Some(ban), Some(image)) = (self.snapshot.ban(sequence).cloned(), image) {
                    self.say_resolved(&ban, Some(&image), &mut reaction);
                }
            }
        }
        Ok(reaction)
    }

    fn hear_authority(&mut self, record: &Record) -> Result<Reaction, Error> {
        let before: BTreeSet<Sequence> = self.snapshot.bans().map(|ban| ban.record.sequence).collect();
        let folded = fold(
            &mut self.snapshot,
            record.stream,
            &record.subject,
            record.sequence,
            record.at,
            &record.body,
        );
        let mut reaction = Reaction::default();
        match folded {
            Folded::Order { outcome: Outcome::Repeated, .. } | Folded::Nothing => {}
            Folded::Order { sequence, kind, operator, record: _, outcome } => {
                let said = Said { operator, kind, outcome };
                if !self.caught_up {
                    self.unanswered.insert(sequence, said);
                    return Ok(reaction);
                }
                self.answer(sequence, said, &mut reaction);
                self.look_up_bases(&mut reaction)?;
                if let Some(ban) = self.snapshot.ban(sequence).cloned() {
                    self.resolve(&ban, &mut reaction)?;
                }
                let lifted: Vec<_> =
                    before.into_iter().filter(|ban| self.snapshot.ban(*ban).is_none()).collect();
                for lifted in lifted {
                    self.restore(lifted, &mut reaction)?;
                }
            }
            Folded::Resolution(Resolution::Accepted(order) | Resolution::Rejected(order)) => {
                self.answered.insert(order);
                self.unanswered.remove(&order);
            }
            Folded::Resolution(Resolution::BanResolved(resolution)) => {
                if resolution.complete {
                    self.resolved.insert(resolution.ban);
                }
                if let Some(ban) = self.snapshot.ban(resolution.ban).cloned().filter(|_| self.caught_up) {
                    self.cover(&ban, &mut reaction)?;
                }
            }
            Folded::Resolution(Resolution::Indexed(base)) if self.caught_up => {
                let named: Vec<_> =
                    self.snapshot.bans().filter(|ban| ban.ban.names(&base.reference)).cloned().collect();
                for ban in named {
                    self.resolve(&ban, &mut reaction)?;
                    self.cover(&ban, &mut reaction)?;
                }
            }
            Folded::Resolution(Resolution::Indexed(_)) => {}
        }
        Ok(reaction)
    }

    fn hear_image(&mut self, record: &Record) -> Result<Reaction, Error> {
        let mut reaction = Reaction::default();
        let sequence = record.sequence;
        let folded: Result<(), Malformed> = match record.subject.split_kind().map(|(kind, _)| kind) {
            Some(ImagePushed::KIND) => match ImagePushed::decode(&record.body) {
                Ok(pushed) => {
                    self.index.pushed(&pushed, sequence)?;
                    self.place(&pushed, &mut reaction)?;
                    Ok(())
                }
                Err(error) => Err(error),
            },
            Some(ImageDeleted::KIND) => match ImageDeleted::decode(&record.body) {
                Ok(ImageDeleted { repository, digest }) => {
                    Ok(self.index.deleted(&repository, &digest, sequence)?)
                }
                Err(error) => Err(error),
            },
            Some(ImageInvalidated::KIND) => match ImageInvalidated::decode(&record.body) {
                Ok(fact) => Ok(self.index.mark(
                    fact.ban,
                    &fact.repository,
                    &fact.digest,
                    Mark::Invalidated,
                    sequence,
                )?),
                Err(error) => Err(error),
            },
            Some(ImageRestored::KIND) => match ImageRestored::decode(&record.body) {
                Ok(fact) => {
                    Ok(self.index.mark(fact.ban, &fact.repository, &fact.digest, Mark::Restored, sequence)?)
                }
                Err(error) => Err(error),
            },
            _ => Ok(self.index.skip(StreamName::Images, sequence)?),
        };
        if let Err(error) = folded {
            tracing::error!(%error, subject = %record.subject, "An image fact cannot be read; its image is not indexed.");
            self.index.skip(StreamName::Images, sequence)?;
        }
        Ok(reaction)
    }

    fn hear_build(&mut self, record: &Record) -> Result<Reaction, Error> {
        let mut reaction = Reaction::default();
        if record.subject.split_kind().map(|(kind, _)| kind) != Some(BuildFinished::KIND) {
            self.index.skip(StreamName::Builds, record.sequence)?;
            return Ok(reaction);
        }
        match BuildFinished::decode(&record.body) {
            Ok(build) => self.index.built(&build, record.sequence)?,
            Err(error) => {
                tracing::error!(%error, subject = %record.subject, "A build fact cannot be read; what it used is not known.");
                self.index.skip(StreamName::Builds, record.sequence)?;
            }
        }
        if self.caught_up {
            for ban in self.snapshot.bans().cloned().collect::<Vec<_>>() {
                self.widen(&ban, &mut reaction)?;
            }
        }
        Ok(reaction)
    }

    fn hear_progress(&mut self, record: &Record) -> Result<(), Malformed> {
        match record.subject.split_kind().map(|(kind, _)| kind) {
            Some(CampaignOpened::KIND) => self.ledger.opened(&CampaignOpened::decode(&record.body)?),
            Some(CampaignPlanned::KIND) => self.ledger.planned(&CampaignPlanned::decode(&record.body)?),
            Some(CampaignProgressed::KIND) => {
                self.ledger.progressed(&CampaignProgressed::decode(&record.body)?)
            }
            Some(CampaignClosed::KIND) => self.ledger.closed(&CampaignClosed::decode(&record.body)?),
            Some(ContainerRemedied::KIND) => self.ledger.remedied(&ContainerRemedied::decode(&record.body)?),
            _ => {}
        }
        Ok(())
    }

    fn answer(&mut self, order: Sequence, said: Said, reaction: &mut Reaction) {
        if !self.answered.insert(order) {
            return;
        }
        let Said { operator, kind, outcome } = said;
        match outcome {
            Outcome::Accepted => reaction.facts.push(OrderAccepted { order, operator, kind, changed: true }),
            Outcome::Unchanged => {
                reaction.facts.push(OrderAccepted { order, operator, kind, changed: false })
            }
            Outcome::Rejected(rejection) => {
                reaction.facts.push(OrderRejected { order, operator, kind, reason: rejection.to_string() });
            }
            Outcome::Repeated => {}
        }
    }

    /// Catalogued versions are read before any ban, so that a ban of one is resolved the moment it is stored.
    fn look_up_bases(&mut self, reaction: &mut Reaction) -> Result<(), Error> {
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

    fn resolve(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
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
    fn cover(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
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

    fn widen(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
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
    fn place(&mut self, pushed: &ImagePushed, reaction: &mut Reaction) -> Result<(), Error> {
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
        for ban in self.snapshot.bans().cloned().collect::<Vec<_>>() {
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
    fn adds(&self, ban: &ActiveBan, image: &Image) -> bool {
        let coverage = self.snapshot.coverage(ban);
        image.facts().any(|facts| !facts.digests.is_subset(&coverage.digests))
    }

    fn restore(&mut self, lifted: Sequence, reaction: &mut Reaction) -> Result<(), Error> {
        self.named.retain(|(ban, _)| *ban != lifted);
        for reference in self.index.invalidated(lifted)? {
            let Some(image) = self.index.named(&reference)? else { continue };
            let held = self
                .snapshot
                .bans()
                .any(|ban| coverage::image_tie(ban, &self.snapshot.coverage(ban), &image).is_some());
            if !held {
                let ImagePushed { repository, digest, .. } = image.pushed;
                reaction.facts.push(ImageRestored { repository, digest, ban: lifted });
            }
        }
        Ok(())
    }

    fn say_indexed(&self, reference: ImageRef, image: &Image, reaction: &mut Reaction) {
        let mut base = IndexedBase { reference, digests: BTreeSet::new(), chains: BTreeSet::new() };
        for facts in image.facts() {
            base.chains.extend(facts.top());
            base.digests.extend(facts.digests);
        }
        if self.snapshot.indexed(&base.reference) != Some(&base) {
            reaction.facts.push(BaseIndexed::from(base));
        }
    }

    fn say_resolved(&mut self, ban: &ActiveBan, image: Option<&Image>, reaction: &mut Reaction) {
        if self.resolved.insert(ban.record.sequence) {
            reaction.facts.push(BanResolved::from(coverage::resolution(ban, image)));
        }
    }

    fn say_invalidated(
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

    fn ask(&mut self, question: Question, reaction: &mut Reaction) {
        if self.asked.insert(question.clone()) {
            reaction.questions.push(question);
        }
    }
}
