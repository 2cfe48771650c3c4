//! Whether an order is sound under what is in force when it is stored. Changes nothing.

use artifact::ImageRef;
use time::OffsetDateTime;

use super::{ActiveBan, Rejection, Snapshot};
use crate::order::{Ban, BanSelector, BanTarget, Fixed, Order, OrderRecord, Project, Sequence};

impl Snapshot {
    /// An error says why the order must change nothing.
    pub(super) fn check(&self, record: &OrderRecord) -> Result<(), Rejection> {
        record.order.check_texts()?;
        match &record.order {
            Order::Ban(ban) => self.check_ban(ban, record.at),
            Order::Lift(lift) => self.check_selector(&lift.bans),
            Order::Fixed(fixed) => self.check_fixed(fixed),
            Order::Remedy(ordered) if !self.remedies.contains_key(&ordered.remedy) => {
                Err(Rejection::UnknownRemedy(ordered.remedy.clone()))
            }
            Order::Remedy(ordered) => self.check_selector(&BanSelector::Sequence(ordered.ban)),
            Order::RemedyClosed(bans) => self.check_selector(bans),
            Order::Catalog(section) => Ok(self.check_section(section, record.at)?),
            Order::Project(project) => self.check_project(project),
            Order::Policy(_) => Ok(()),
        }
    }

    /// The active bans that are meant.
    pub(super) fn selected(&self, bans: &BanSelector) -> Vec<Sequence> {
        match bans {
            BanSelector::Sequence(sequence) => {
                self.bans.contains_key(sequence).then_some(*sequence).into_iter().collect()
            }
            BanSelector::Target(target) => {
                let meant = self.bans.values().filter(|ban| ban.ban.target == *target);
                meant.map(|ban| ban.record.sequence).collect()
            }
        }
    }

    fn check_ban(&self, ban: &Ban, at: OffsetDateTime) -> Result<(), Rejection> {
        if !ban.holds_at(at) {
            return Err(Rejection::Expired);
        }
        if let Some(name) = ban.remedy.as_ref().filter(|name| !self.remedies.contains_key(name)) {
            return Err(Rejection::UnknownRemedy(name.clone()));
        }
        let banned = |image: &&ImageRef| self.bans_name(image, at) || ban.names(image);
        match ban.replacement.as_ref().filter(banned) {
            Some(replacement) => Err(Rejection::BannedReplacement(replacement.clone())),
            None => Ok(()),
        }
    }

    fn check_fixed(&self, fixed: &Fixed) -> Result<(), Rejection> {
        self.check_selector(&fixed.bans)?;
        let targets = self.selected(&fixed.bans).into_iter().filter_map(|ban| self.bans.get(&ban));
        match targets.map(|ban| &ban.ban.target).find(|target| !matches!(target, BanTarget::Tag(..))) {
            Some(target) => Err(Rejection::NothingMoves(target.clone())),
            None => Ok(()),
        }
    }

    fn check_selector(&self, bans: &BanSelector) -> Result<(), Rejection> {
        if !self.selected(bans).is_empty() {
            return Ok(());
        }
        Err(Rejection::UnknownBan(match bans {
            BanSelector::Sequence(sequence) => sequence.to_string(),
            BanSelector::Target(target) => format!("of {target}"),
        }))
    }

    fn check_project(&self, project: &Project) -> Result<(), Rejection> {
        if let Some(policy) = project.policy.as_ref().filter(|name| !self.policies.is_named(name)) {
            return Err(Rejection::UnknownPolicy(policy.clone()));
        }
        let same = |other: &&Project| other.name != project.name && other.image == project.image;
        match self.projects.values().find(same) {
            Some(other) => {
                Err(Rejection::TakenImage { image: project.image.clone(), by: other.name.clone() })
            }
            None => Ok(()),
        }
    }

    fn bans_name(&self, image: &ImageRef, at: OffsetDateTime) -> bool {
        // What a fixed tag points at is in another stream, and no check of an order depends on how far that was read.
        let names = |active: &ActiveBan| active.ban.names(image) && active.fixed_by.is_none();
        self.bans.values().any(|active| active.holds_at(at) && names(active))
    }
}
