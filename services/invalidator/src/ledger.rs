//! What became of each campaign, folded from the facts of those who did the work. For answers only; nothing is decided from it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use events::fact::{
    CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed, ContainerRemedied, RunState,
};
use time::OffsetDateTime;
use verdict::Sequence;

/// Stragglers that are named of a campaign in progress: as many as the table at its end names.
const NAMED: usize = 250;

/// Steps of a campaign that an answer tells of; more would not be read.
const STEPS: usize = 100;

/// One campaign.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Campaign {
    pub(crate) opened: bool,
    pub(crate) planned: bool,
    /// The last steps.
    pub(crate) progress: VecDeque<String>,
    pub(crate) replaced: u32,
    /// What is left over, as far as an answer has room for it.
    pub(crate) stragglers: Vec<String>,
    /// How much more is left over; while the campaign goes on, at most: what a planner says twice counts twice.
    pub(crate) untold: u32,
    pub(crate) closed_at: Option<OffsetDateTime>,
    remedied: BTreeSet<String>,
}

/// All campaigns, by ban.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    campaigns: BTreeMap<Sequence, Campaign>,
}

impl Ledger {
    pub(crate) fn opened(&mut self, fact: &CampaignOpened) {
        self.campaigns.entry(fact.ban).or_default().opened = true;
    }

    pub(crate) fn planned(&mut self, fact: &CampaignPlanned) {
        let campaign = self.campaigns.entry(fact.ban).or_default();
        campaign.planned = true;
        campaign.leave(fact.unattributed.iter().map(|image| format!("{image}: no source")));
    }

    pub(crate) fn progressed(&mut self, fact: &CampaignProgressed) {
        let campaign = self.campaigns.entry(fact.ban).or_default();
        campaign.replaced += u32::from(fact.state == "replaced");
        campaign
            .progress
            .push_back(format!("{}: {} ({} of {})", fact.project, fact.state, fact.done, fact.total));
        if campaign.progress.len() > STEPS {
            campaign.progress.pop_front();
        }
    }

    pub(crate) fn closed(&mut self, fact: &CampaignClosed) {
        let campaign = self.campaigns.entry(fact.ban).or_default();
        campaign.closed_at = Some(fact.closed_at);
        campaign.replaced = fact.replaced;
        campaign.untold = fact.untold;
        campaign.stragglers.clone_from(&fact.stragglers);
    }

    pub(crate) fn remedied(&mut self, fact: &ContainerRemedied) {
        if fact.state == RunState::Ok {
            let run = format!("{}/{}/{}", fact.node, fact.container, fact.started_at);
            self.campaigns.entry(fact.ban).or_default().remedied.insert(run);
        }
    }

    /// The campaign of `ban`, where one was opened.
    pub(crate) fn campaign(&self, ban: Sequence) -> Option<&Campaign> {
        self.campaigns.get(&ban)
    }

    pub(crate) fn is_opened(&self, ban: Sequence) -> bool {
        self.campaign(ban).is_some_and(|campaign| campaign.opened)
    }
}

impl Campaign {
    fn leave(&mut self, stragglers: impl Iterator<Item = String>) {
        for straggler in stragglers {
            if self.stragglers.contains(&straggler) {
                continue;
            }
            if self.stragglers.len() < NAMED {
                self.stragglers.push(straggler);
            } else {
                self.untold = self.untold.saturating_add(1);
            }
        }
    }

    /// How far it is, in one word.
    pub(crate) fn state(&self) -> &'static str {
        match (self.closed_at, self.planned) {
            (Some(_), _) => "closed",
            (None, true) => "planned",
            (None, false) => "open",
        }
    }

    /// How many containers had the remedy.
    pub(crate) fn containers_remedied(&self) -> u32 {
        u32::try_from(self.remedied.len()).unwrap_or(u32::MAX)
    }
}
