//! What ends: bans that are lifted or end by themselves, and questions that are idle then. Not what bans mean while they hold.

use artifact::ImageRef;
use events::fact::{ImagePushed, ImageRestored};
use time::OffsetDateTime;
use verdict::{Sequence, Snapshot, order::Standing, snapshot::ActiveBan};

use super::{Error, Reaction, State};
use crate::{coverage, lookup::Question};

impl State {
    /// Time has passed: bans that ended by themselves are ended here too.
    pub(crate) fn pass_time(&mut self, now: OffsetDateTime) -> Result<Reaction, Error> {
        self.now = now;
        let mut reaction = Reaction::default();
        if self.caught_up {
            self.end_bans(&mut reaction)?;
        }
        Ok(reaction)
    }

    /// When the next ban ends by itself.
    pub(crate) fn next_expiry(&self) -> Option<OffsetDateTime> {
        let expiries = self.snapshot.bans().filter_map(|ban| ban.ban.expires);
        expiries.filter(|expires| *expires > self.ended_until).min()
    }

    /// Why the target of a pending ban could not be read so far; none where nothing went wrong.
    pub(crate) fn trouble(&self, ban: Sequence) -> Option<&str> {
        let of_ban = |question: &Question| matches!(question, Question::Ban(sequence, _) if *sequence == ban);
        self.troubles.iter().find(|(question, _)| of_ban(question)).map(|(_, trouble)| trouble.as_str())
    }

    /// A try to answer a question failed; others follow.
    pub(crate) fn troubled(&mut self, question: Question, trouble: String) {
        if self.asked.contains(&question) {
            self.troubles.insert(question, trouble);
        }
    }

    /// Undoes what bans set in motion that were lifted or ended by themselves: what no other ban covers is restored. Undoing twice
    /// says the same facts again, which every fold repeats without effect.
    pub(super) fn end_bans(&mut self, reaction: &mut Reaction) -> Result<(), Error> {
        self.ended_until = self.now;
        self.drop_idle_questions(reaction);
        let mut ended = self.index.marking()?;
        ended.retain(|ban| !holds(&self.snapshot, *ban, self.now));
        for ended in ended {
            self.restore(ended, reaction)?;
        }
        Ok(())
    }

    /// Questions that an order or the time has answered by making them idle.
    pub(super) fn drop_idle_questions(&mut self, reaction: &mut Reaction) {
        let (snapshot, now) = (&self.snapshot, self.now);
        let idle = |question: &Question| match question {
            Question::Ban(ban, _) => !holds(snapshot, *ban, now),
            Question::Base(reference) => {
                let base = snapshot.base(reference.repository());
                !base.zip(reference.tag()).is_some_and(|(base, tag)| base.standing(tag) != Standing::Unlisted)
            }
        };
        let dropped: Vec<Question> = self.asked.iter().filter(|question| idle(question)).cloned().collect();
        for question in &dropped {
            self.asked.remove(question);
            self.troubles.remove(question);
        }
        reaction.dropped.extend(dropped);
    }

    fn restore(&mut self, ended: Sequence, reaction: &mut Reaction) -> Result<(), Error> {
        self.named.retain(|(ban, _)| *ban != ended);
        for reference in self.index.invalidated(ended)? {
            self.restore_image(ended, &reference, reaction)?;
        }
        Ok(())
    }

    /// A fix was recorded: restores what the ban covered until then and does not cover now, and covers what it does again.
    pub(super) fn fix(&mut self, ban: &ActiveBan, reaction: &mut Reaction) -> Result<(), Error> {
        let sequence = ban.record.sequence;
        for reference in self.index.invalidated(sequence)? {
            if !self.covers(ban, &reference)? {
                self.named.remove(&(sequence, reference.clone()));
                self.restore_image(sequence, &reference, reaction)?;
            }
        }
        self.followed.remove(&sequence);
        self.cover(ban, reaction)
    }

    fn covers(&self, ban: &ActiveBan, reference: &ImageRef) -> Result<bool, Error> {
        let coverage = self.ahead.of(ban.record.sequence);
        let image = self.index.named(reference)?;
        Ok(coverage
            .zip(image)
            .is_some_and(|(coverage, image)| coverage::image_tie(ban, coverage, &image).is_some()))
    }

    /// An image was heard to be covered by a ban that is over or fixed by now: the fact was on its way meanwhile.
    pub(super) fn restore_late(
        &mut self,
        ban: Sequence,
        image: &ImageRef,
        reaction: &mut Reaction,
    ) -> Result<(), Error> {
        if !self.caught_up || ban.0 > self.snapshot.as_of().orders {
            return Ok(());
        }
        let is_over = match self.snapshot.ban(ban).filter(|active| active.holds_at(self.now)) {
            Some(active) => active.fixed_by.is_some() && !self.covers(active, image)?,
            None => true,
        };
        if is_over { self.restore_image(ban, image, reaction) } else { Ok(()) }
    }

    fn restore_image(&self, ended: Sequence, image: &ImageRef, reaction: &mut Reaction) -> Result<(), Error> {
        let Some(image) = self.index.named(image)? else { return Ok(()) };
        let covers = |ban: &ActiveBan| {
            let coverage = self.ahead.of(ban.record.sequence);
            coverage.is_some_and(|coverage| coverage::image_tie(ban, coverage, &image).is_some())
        };
        if !self.in_force().any(covers) {
            let ImagePushed { repository, digest, .. } = image.pushed;
            reaction.facts.push(ImageRestored { repository, digest, ban: ended });
        }
        Ok(())
    }

    /// The bans that hold now, oldest first.
    pub(super) fn in_force(&self) -> impl Iterator<Item = &ActiveBan> {
        self.snapshot.bans().filter(|ban| ban.holds_at(self.now))
    }
}

fn holds(snapshot: &Snapshot, ban: Sequence, now: OffsetDateTime) -> bool {
    snapshot.ban(ban).is_some_and(|active| active.holds_at(now))
}
