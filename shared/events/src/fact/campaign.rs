//! Facts about campaigns: what one ban sets in motion.

use artifact::ImageRef;
use time::OffsetDateTime;
use verdict::{Sequence, order::Name};

use crate::message::message;

message! {
    /// A ban has been resolved and its images are known. By the invalidator.
    CampaignOpened {
        /// The ban.
        ban: Sequence,
        /// What is banned, in words.
        target: String,
        /// What to build on instead, where the ban names it.
        replacement: Option<ImageRef>,
        /// When the order was stored.
        ordered_at: OffsetDateTime,
        /// How many images it covers.
        images: u32,
    }
}

message! {
    /// A page of the plan, which grows: what earlier ones named stays planned. By the planner.
    CampaignPlanned {
        /// The ban.
        ban: Sequence,
        /// Projects that will be rebuilt, each after what it is built on as far as one decision planned them.
        projects: Vec<Name>,
        /// Images without a source.
        unattributed: Vec<ImageRef>,
    }
}

message! {
    /// One more project has ended. By the planner.
    CampaignProgressed {
        /// The ban.
        ban: Sequence,
        /// The project.
        project: Name,
        /// `replaced`, or why not.
        state: String,
        /// How many have ended.
        done: u32,
        /// How many there are.
        total: u32,
    }
}

message! {
    /// Nothing is left to rebuild. By the planner.
    CampaignClosed {
        /// The ban.
        ban: Sequence,
        /// How many images the ban covered.
        images: u32,
        /// How many tags moved to a clean image.
        replaced: u32,
        /// What was not replaced, each with the reason; the first 250.
        stragglers: Vec<String>,
        /// When the order was stored.
        ordered_at: OffsetDateTime,
        /// When the last project ended.
        closed_at: OffsetDateTime,
        /// `done`, or `lifted` when the ban ended first.
        outcome: String,
        /// How much more was not replaced: `campaign.progressed` and `image.unattributed` name each.
        untold: u32,
    }
}
