//! What is told of a campaign: the plan as it grows, and the table at its end. However large the campaign is, each fact is small enough for
//! the bus: a plan comes in pages, and a table names the first of what is left and counts the rest. Not what is built.

use std::collections::{BTreeMap, BTreeSet};

use artifact::{Digest, ImageRef, Repository, Tag};
use events::fact::{CampaignClosed, CampaignOpened, CampaignPlanned, ImageUnattributed};
use verdict::{Sequence, order::Name};

use super::{
    campaign::Action,
    graph::Graph,
    state::{Campaign, Invalidated, State, names},
};

/// Names in one fact: with names as long as they may be a fact stays far below the broker's limit of 1 MiB, and with common ones below 64 KiB.
const PAGE: usize = 250;

/// Characters of the reason that a table gives; the whole stands in the fact that told of it.
const REASON: usize = 500;

/// Images without a source that are named at once: one fact each, stored together.
const PORTION: usize = 64;

/// What was not yet said of the plan: images without a source, and projects that are rebuilt from now on.
pub(super) fn plan(state: &State, ban: Sequence, campaign: &Campaign, graph: &Graph<'_>) -> Vec<Action> {
    let planned = campaign.planned.as_ref();
    let is_new = |name: &&Name| planned.is_none_or(|planned| !planned.contains(*name));
    let projects: Vec<Name> = graph.order().filter(is_new).cloned().collect();
    let unattributed: Vec<ImageRef> = unnamed(state, ban).flat_map(Orphan::names).collect();
    if planned.is_some() && projects.is_empty() && unattributed.is_empty() {
        return Vec::new();
    }
    let pages = projects.len().max(unattributed.len()).div_ceil(PAGE).max(1);
    let page = |page| {
        Action::Planned(CampaignPlanned {
            ban,
            projects: projects.iter().skip(page * PAGE).take(PAGE).cloned().collect(),
            unattributed: unattributed.iter().skip(page * PAGE).take(PAGE).cloned().collect(),
        })
    };
    (0..pages).map(page).collect()
}

/// Names images without a source, a portion at a time. It comes after the plan: a planner that dies in between says the plan again.
pub(super) fn name_orphans(state: &State, ban: Sequence) -> Vec<Action> {
    let orphans: Vec<ImageUnattributed> = unnamed(state, ban).map(|orphan| orphan.fact(ban)).collect();
    orphans.chunks(PORTION).map(|portion| Action::Unattributed(ban, portion.to_vec())).collect()
}

/// The table of a campaign that has ended, those of whose projects that ended `ends` tells of.
pub(super) fn close(
    state: &State,
    opened: &CampaignOpened,
    graph: &Graph<'_>,
    ends: &BTreeMap<&Name, String>,
    outcome: &str,
) -> Action {
    let ban = opened.ban;
    let left: BTreeSet<&Name> = graph.order().filter(|name| state.is_affected(name, ban)).collect();
    let replaced = graph.order().count() - left.len();
    let projects = left.iter().map(|name| {
        let why = ends.get(*name).map_or("not ended", String::as_str);
        format!("{name}: {}", why.chars().take(REASON).collect::<String>())
    });
    let orphans = orphans(state, ban)
        .filter_map(|orphan| Some(format!("{}: no source", orphan.names().into_iter().next()?)));
    // A project is somebody's to mend, so it is named before an image that is nobody's.
    let stragglers: Vec<String> = projects.chain(orphans).collect();
    Action::Closed(CampaignClosed {
        ban,
        images: opened.images,
        replaced: count(replaced),
        untold: count(stragglers.len().saturating_sub(PAGE)),
        stragglers: stragglers.into_iter().take(PAGE).collect(),
        ordered_at: opened.ordered_at,
        closed_at: state.now.unwrap_or(opened.ordered_at),
        outcome: outcome.to_owned(),
    })
}

/// A covered image that no build published and that is not the banned one.
#[derive(Clone, Copy)]
struct Orphan<'a> {
    image: &'a (Repository, Digest),
    tags: &'a [Tag],
}

impl Orphan<'_> {
    fn names(self) -> Vec<ImageRef> {
        let (repository, digest) = self.image;
        names(repository, digest, self.tags)
    }

    fn fact(self, ban: Sequence) -> ImageUnattributed {
        let (repository, digest) = self.image.clone();
        ImageUnattributed { repository, digest, tags: self.tags.to_vec(), ban }
    }
}

fn orphans(state: &State, ban: Sequence) -> impl Iterator<Item = Orphan<'_>> {
    state
        .covered(ban)
        .iter()
        .filter(|(image, invalidated)| !invalidated.is_target && !state.attributed.contains(image))
        .map(|(image, Invalidated { tags, .. })| Orphan { image, tags })
}

/// Those that no fact has named yet.
fn unnamed(state: &State, ban: Sequence) -> impl Iterator<Item = Orphan<'_>> {
    let named = state.unattributed.get(&ban);
    orphans(state, ban).filter(move |orphan| named.is_none_or(|named| !named.contains(orphan.image)))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
