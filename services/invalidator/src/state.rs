//! What has been read, what has been said, and what is left to say. Decides; publishes nothing and asks nobody.

mod ending;
mod exposed;
mod meaning;
mod policies;
mod spread;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Digest, ImageRef};
use bus::{Outbox, Record};
use events::{
    Event as _, Folded, Malformed,
    fact::{
        BuildFinished, CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed,
        ContainerRemedied, ImageDeleted, ImageInvalidated, ImagePushed, ImageRestored,
    },
    fold, order,
    resolution::{OrderAccepted, OrderRejected},
    topology::StreamName,
};
use time::OffsetDateTime;
use verdict::{
    Outcome, Resolution, Sequence, Snapshot,
    order::BanTarget,
    snapshot::{ActiveBan, Coverages, Part},
};

pub(crate) use exposed::Exposed;
pub(crate) use policies::Compilation;
use spread::Followed;

use crate::{
    coverage,
    index::{self, Image, Index, Mark, version},
    ledger::Ledger,
    lookup::Question,
};

/// What is to be done because of one message.
#[derive(Debug, Default)]
pub(crate) struct Reaction {
    pub(crate) facts: Outbox,
    pub(crate) questions: Vec<Question>,
    /// Questions whose answers nobody needs any more.
    pub(crate) dropped: Vec<Question>,
    pub(crate) compilations: Vec<Compilation>,
}

pub(crate) struct State {
    pub(crate) snapshot: Snapshot,
    pub(crate) index: Index,
    pub(crate) ledger: Ledger,
    /// Orders that hold a credential, oldest first.
    pub(crate) exposed: Vec<Exposed>,
    /// What bans cover, with what was published and not heard of yet: nothing is published twice.
    ahead: Coverages,
    /// What was found to be covered and is not published yet.
    grown: BTreeMap<Sequence, BTreeMap<Option<Digest>, Part>>,
    /// Images that were found to be covered and are not named yet.
    found: BTreeSet<(Sequence, ImageRef)>,
    followed: BTreeMap<Sequence, Followed>,
    /// Bans of which everything known is found, and that is not published yet.
    completed: BTreeSet<Sequence>,
    /// Bans of tags with digests for which RESOLUTIONS had no room.
    unpublished: BTreeSet<Sequence>,
    /// Bans of which was published that they cover more than was published.
    withheld: BTreeSet<Sequence>,
    /// Whether RESOLUTIONS has room for more than answers.
    has_room: bool,
    /// Orders whose outcome has been published.
    answered: BTreeSet<Sequence>,
    /// Bans of which a complete resolution has been published.
    resolved: BTreeSet<Sequence>,
    /// Outcomes that are not published yet, since the stream is still being read.
    unanswered: BTreeMap<Sequence, Said>,
    /// Policies whose modules are being compiled.
    compiling: BTreeMap<Sequence, Said>,
    asked: BTreeSet<Question>,
    /// Why a question that is open has no answer yet, in the words of the last try.
    troubles: BTreeMap<Question, String>,
    /// Images that were named as covered, until they are restored: the fact's own echo comes later.
    named: BTreeSet<(Sequence, ImageRef)>,
    /// Whether all orders and resolutions have been read: from then on orders are answered.
    is_answering: bool,
    /// Whether everything has been read.
    caught_up: bool,
    /// When the message at hand was heard.
    now: OffsetDateTime,
    /// Until when bans that ended by themselves have been ended here too.
    ended_until: OffsetDateTime,
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
            exposed: Vec::new(),
            ahead: Coverages::default(),
            grown: BTreeMap::new(),
            found: BTreeSet::new(),
            followed: BTreeMap::new(),
            completed: BTreeSet::new(),
            unpublished: BTreeSet::new(),
            withheld: BTreeSet::new(),
            has_room: true,
            answered: BTreeSet::new(),
            resolved: BTreeSet::new(),
            unanswered: BTreeMap::new(),
            compiling: BTreeMap::new(),
            asked: BTreeSet::new(),
            troubles: BTreeMap::new(),
            named: BTreeSet::new(),
            is_answering: false,
            caught_up: false,
            now: OffsetDateTime::UNIX_EPOCH,
            ended_until: OffsetDateTime::UNIX_EPOCH,
        }
    }

    /// Folds one message and says what follows from it.
    pub(crate) fn hear(&mut self, record: &Record, now: OffsetDateTime) -> Result<Reaction, Error> {
        self.now = now;
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

    /// All orders and resolutions that were stored have been read: answers the orders that a predecessor left unanswered. What they mean is said when
    /// the images have been read too.
    pub(crate) fn answer_orders(&mut self, now: OffsetDateTime) -> Reaction {
        self.now = now;
        self.is_answering = true;
        let mut reaction = Reaction::default();
        for (sequence, said) in std::mem::take(&mut self.unanswered) {
            self.answer(sequence, said, &mut reaction);
        }
        reaction
    }

    /// Everything that was stored has been read: says what a predecessor left unsaid.
    pub(crate) fn catch_up(&mut self, now: OffsetDateTime) -> Result<Reaction, Error> {
        let mut reaction = self.answer_orders(now);
        self.caught_up = true;
        self.ahead = self.snapshot.coverages().clone();
        let withheld = self.snapshot.bans().map(|ban| ban.record.sequence);
        self.withheld = withheld.filter(|ban| self.ahead.is_withheld(*ban)).collect();
        self.resolve_all(&mut reaction)?;
        // Bans that were fixed or ended while the invalidator was away.
        let fixed: Vec<ActiveBan> = self.in_force().filter(|ban| ban.fixed_by.is_some()).cloned().collect();
        for ban in fixed {
            self.fix(&ban, &mut reaction)?;
        }
        self.end_bans(&mut reaction)?;
        Ok(reaction)
    }

    /// Whether everything that was stored at the start has been read.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    fn resolve_all(&mut self, reaction: &mut Reaction) -> Result<(), Error> {
        self.look_up_bases(reaction)?;
        for ban in self.in_force().cloned().collect::<Vec<_>>() {
            self.resolve(&ban, reaction)?;
        }
        Ok(())
    }

    /// The registry answered.
    pub(crate) fn found(
        &mut self,
        question: Question,
        image: Option<Image>,
        now: OffsetDateTime,
    ) -> Result<Reaction, Error> {
        self.now = now;
        self.asked.remove(&question);
        self.troubles.remove(&question);
        let mut reaction = Reaction::default();
        match question {
            Question::Base(reference) => {
                if let Some(image) = image {
                    self.publish_indexed(version(&reference, &image.pushed), &mut reaction);
                    for ban in self.naming(&reference) {
                        self.cover(&ban, &mut reaction)?;
                    }
                }
            }
            Question::Ban(sequence, _) => {
                // Without an image nothing is resolved: the ban stays pending, which never lets anything pass that it might cover.
                if let (Some(ban), Some(image)) = (self.snapshot.ban(sequence).cloned(), image) {
                    match &ban.ban.target {
                        BanTarget::Tag(repository, tag) => {
                            let reference = repository.at_tag(tag.clone());
                            self.publish_indexed(version(&reference, &image.pushed), &mut reaction);
                        }
                        BanTarget::Digest(..) | BanTarget::Layer(_) => {
                            self.grow(sequence, None, coverage::target(&ban, &image));
                        }
                    }
                    self.cover(&ban, &mut reaction)?;
                }
            }
        }
        Ok(reaction)
    }

    fn hear_authority(&mut self, record: &Record) -> Result<Reaction, Error> {
        let before: BTreeMap<Sequence, Option<Digest>> =
            self.snapshot.bans().map(|ban| (ban.record.sequence, ban.fixed_by.clone())).collect();
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
            Folded::Order { sequence, kind, operator, record: read, outcome } => {
                self.exposed.extend(Exposed::of(record, read.as_deref()));
                let said = Said { operator, kind, outcome };
                let is_catalog = said.kind == order::CATALOG;
                if self.is_answering {
                    self.answer(sequence, said, &mut reaction);
                } else {
                    self.unanswered.insert(sequence, said);
                }
                if self.caught_up {
                    self.follow_order(sequence, is_catalog, &before, &mut reaction)?;
                }
            }
            Folded::Resolution(Resolution::Accepted(order) | Resolution::Rejected(order, _)) => {
                self.answered.insert(order);
                self.unanswered.remove(&order);
            }
            Folded::Resolution(Resolution::BanResolved(resolution)) => {
                if resolution.complete {
                    self.resolved.insert(resolution.ban);
                }
                let ban = self.snapshot.ban(resolution.ban).cloned();
                // What was published here is known already.
                if let Some(ban) = ban.filter(|ban| self.caught_up && ban.holds_at(self.now))
                    && !self.ahead.contains(&resolution)
                {
                    self.ahead.resolve(&resolution);
                    self.cover(&ban, &mut reaction)?;
                }
            }
            Folded::Resolution(Resolution::Indexed(base)) if self.caught_up => {
                let history = self.ahead.history(&base.tag());
                if history.is_none_or(|history| !history.contains(&base)) {
                    self.ahead.index(&base);
                    for ban in self.naming(&base.tag()) {
                        self.cover(&ban, &mut reaction)?;
                    }
                }
            }
            Folded::Resolution(Resolution::Indexed(_)) => {}
        }
        Ok(reaction)
    }

    /// Does what follows from an order: `before` is which bans were active, and which of them were fixed.
    fn follow_order(
        &mut self,
        order: Sequence,
        is_catalog: bool,
        before: &BTreeMap<Sequence, Option<Digest>>,
        reaction: &mut Reaction,
    ) -> Result<(), Error> {
        self.ahead.align(self.snapshot.bans());
        if is_catalog {
            self.look_up_bases(reaction)?;
        }
        if let Some(ban) = self.snapshot.ban(order).cloned() {
            self.resolve(&ban, reaction)?;
        }
        self.drop_idle_questions(reaction);
        let fixed =
            |ban: &&ActiveBan| before.get(&ban.record.sequence).is_some_and(|before| *before != ban.fixed_by);
        for ban in self.in_force().filter(fixed).cloned().collect::<Vec<_>>() {
            self.fix(&ban, reaction)?;
        }
        let over: Vec<Sequence> =
            before.keys().filter(|ban| self.snapshot.ban(**ban).is_none()).copied().collect();
        for ban in &over {
            self.forget(*ban);
        }
        if over.is_empty() { Ok(()) } else { self.end_bans(reaction) }
    }

    /// A ban is over: nothing more is published of it.
    fn forget(&mut self, ban: Sequence) {
        self.grown.remove(&ban);
        self.followed.remove(&ban);
        self.found.retain(|(found, _)| *found != ban);
        for bans in [&mut self.completed, &mut self.unpublished, &mut self.withheld] {
            bans.remove(&ban);
        }
    }

    /// The bans in force of this very name.
    fn naming(&self, reference: &ImageRef) -> Vec<ActiveBan> {
        self.in_force().filter(|ban| ban.ban.names(reference)).cloned().collect()
    }

    fn hear_image(&mut self, record: &Record) -> Result<Reaction, Error> {
        let mut reaction = Reaction::default();
        let sequence = record.sequence;
        let folded: Result<(), Malformed> = match record.subject.split_kind().map(|(kind, _)| kind) {
            Some(ImagePushed::KIND) => match ImagePushed::decode(&record.body) {
                Ok(pushed) => {
                    let is_new = self.index.pushed(&pushed, sequence)?;
                    if is_new && self.caught_up {
                        self.place(&pushed, &mut reaction)?;
                    }
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
                Ok(ImageInvalidated { ban, repository, digest, .. }) => {
                    self.index.mark(ban, &repository, &digest, Mark::Invalidated, sequence)?;
                    self.restore_late(ban, &repository.at_digest(digest), &mut reaction)?;
                    Ok(())
                }
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
        if record.subject.split_kind().map(|(kind, _)| kind) != Some(BuildFinished::KIND) {
            self.index.skip(StreamName::Builds, record.sequence)?;
            return Ok(Reaction::default());
        }
        match BuildFinished::decode(&record.body) {
            Ok(build) => {
                self.index.built(&build, record.sequence)?;
                // Its push may have been heard of before it was.
                if let (true, Some(image), Some(digest)) = (self.caught_up, &build.image, &build.digest)
                    && let Some(image) = self.index.image(image.repository(), digest)?
                {
                    self.spread_to(&image)?;
                }
            }
            Err(error) => {
                tracing::error!(%error, subject = %record.subject, "A build fact cannot be read; what it used is not known.");
                self.index.skip(StreamName::Builds, record.sequence)?;
            }
        }
        Ok(Reaction::default())
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
        if let Some(said) = self.waits_for_modules(order, said, reaction) {
            say(order, said, reaction);
        }
    }
}

fn say(order: Sequence, said: Said, reaction: &mut Reaction) {
    let Said { operator, kind, outcome } = said;
    match outcome {
        Outcome::Accepted => reaction.facts.push(OrderAccepted { order, operator, kind, changed: true }),
        Outcome::Unchanged => reaction.facts.push(OrderAccepted { order, operator, kind, changed: false }),
        Outcome::Rejected(rejection) => {
            reaction.facts.push(OrderRejected { order, operator, kind, reason: rejection.to_string() });
        }
        Outcome::Repeated => {}
    }
}
