//! What is to be done now: builds to release and facts to say, decided from the state alone. Asked twice, it says the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use events::fact::{
    BuildJob, CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed, ImageUnattributed, Outcome,
};
use verdict::{Sequence, order::Name};

use super::{
    graph::Graph,
    state::{Campaign, Pushed, State},
    telling,
};

/// How the part of a project ends whose image no longer stands on what was banned.
const REPLACED: &str = "replaced";

/// One thing to do. Each is idempotent, and none is repeated once the streams have told of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    /// Let a worker build this.
    Release(BuildJob),
    /// Name images that a ban covers and nobody can rebuild.
    Unattributed(Sequence, Vec<ImageUnattributed>),
    /// Say what a campaign will rebuild.
    Planned(CampaignPlanned),
    /// Say that one more project has ended.
    Progressed(CampaignProgressed),
    /// Say that a campaign has ended.
    Closed(CampaignClosed),
}

/// Everything that is to be done in this state.
pub(crate) fn due(state: &State) -> Vec<Action> {
    let mut actions = pushes(state);
    for (ban, campaign) in &state.campaigns {
        if campaign.closed {
            actions.extend(late(state, *ban));
        } else if let Some(opened) = &campaign.opened {
            actions.extend(campaign_actions(state, *ban, campaign, opened));
        }
    }
    actions
}

/// An image may come to be covered after the campaign has closed: the registry told of it late, or what it stands on was replaced since.
/// It is rebuilt all the same, as soon as nothing that it stands on is covered.
fn late(state: &State, ban: Sequence) -> Vec<Action> {
    if state.snapshot.ban(ban).is_none() {
        return Vec::new();
    }
    let graph = Graph::of(state, affected(state, ban));
    let ready = graph.order().filter(|name| graph.bases(name).next().is_none());
    ready.filter_map(|name| release(state, name, &state.published.get(name)?.source, Some(ban))).collect()
}

/// The name of a build: one a (project, commit, cause).
pub(crate) fn build_id(project: &Name, commit: &str, ban: Option<Sequence>) -> String {
    let commit: String = commit.chars().take(12).collect();
    match ban {
        None => format!("{project}-{commit}"),
        Some(ban) => format!("{project}-{commit}-ban{ban}"),
    }
}

fn pushes(state: &State) -> Vec<Action> {
    let known = state.sources.iter().filter(|(project, _)| state.snapshot.project(project).is_some());
    known.filter_map(|(project, pushed)| release(state, project, pushed, None)).collect()
}

fn release(state: &State, project: &Name, source: &Pushed, ban: Option<Sequence>) -> Option<Action> {
    let Pushed { commit, place } = source;
    let build = build_id(project, commit, ban);
    let is_new = !state.queued.contains(&build) && !state.finished.contains_key(&build);
    is_new.then(|| {
        Action::Release(BuildJob {
            build,
            project: project.clone(),
            commit: commit.clone(),
            ban,
            pushed: *place,
        })
    })
}

/// The projects of now whose images `ban` covers.
fn affected(state: &State, ban: Sequence) -> impl Iterator<Item = &Name> {
    state.snapshot.projects().map(|project| &project.name).filter(move |name| state.is_affected(name, ban))
}

fn campaign_actions(
    state: &State,
    ban: Sequence,
    campaign: &Campaign,
    opened: &CampaignOpened,
) -> Vec<Action> {
    if state.snapshot.ban(ban).is_none() {
        let projects = campaign.planned.clone().unwrap_or_default();
        let graph = Graph::of(state, &projects);
        return vec![telling::close(state, opened, &graph, &ends(state, ban, &graph), "lifted")];
    }
    let covered = u32::try_from(state.covered(ban).len()).unwrap_or(u32::MAX);
    if covered < opened.images {
        // Two streams tell of one ban; the images have not all been heard of yet.
        return Vec::new();
    }
    // What was planned stays planned; what came to be covered since comes on top.
    let mut projects: BTreeSet<Name> = campaign.planned.clone().unwrap_or_default();
    projects.extend(affected(state, ban).cloned());
    let graph = Graph::of(state, &projects);
    let mut actions = telling::plan(state, ban, campaign, &graph);
    let ends = ends(state, ban, &graph);
    // The longest way decides when the last image is replaced.
    let mut waiting: Vec<&Name> = projects.iter().filter(|name| !ends.contains_key(name)).collect();
    waiting.sort_by_key(|name| Reverse(graph.height(name)));
    for name in waiting {
        let ready = graph.bases(name).all(|base| ends.contains_key(base));
        if let Some(publication) = state.published.get(name).filter(|_| ready) {
            actions.extend(release(state, name, &publication.source, Some(ban)));
        }
    }
    let total = u32::try_from(projects.len()).unwrap_or(u32::MAX);
    let mut done = u32::try_from(campaign.progressed.len()).unwrap_or(u32::MAX);
    for (name, end) in &ends {
        if !campaign.progressed.contains_key(*name) {
            done += 1;
            actions.push(Action::Progressed(CampaignProgressed {
                ban,
                project: (*name).clone(),
                state: end.clone(),
                done,
                total,
            }));
        }
    }
    // Nobody waits for these, and builds may be long.
    actions.extend(telling::name_orphans(state, ban));
    if ends.len() == projects.len() {
        actions.push(telling::close(state, opened, &graph, &ends, "done"));
    }
    actions
}

/// How the parts of those projects in a campaign ended whose parts have.
fn ends<'a>(state: &State, ban: Sequence, graph: &Graph<'a>) -> BTreeMap<&'a Name, String> {
    let mut ends = BTreeMap::new();
    for project in graph.order() {
        if let Some(end) = end(state, project, ban, graph, &ends) {
            ends.insert(project, end);
        }
    }
    ends
}

/// How a project's part in a campaign ended, where those before it `ended` so; none while it has not.
fn end(
    state: &State,
    project: &Name,
    ban: Sequence,
    graph: &Graph<'_>,
    ended: &BTreeMap<&Name, String>,
) -> Option<String> {
    if !state.is_affected(project, ban) {
        return Some(REPLACED.to_owned());
    }
    let commit = &state.published.get(project)?.source.commit;
    if let Some(ending) = state.finished.get(&build_id(project, commit, Some(ban))) {
        return match ending.outcome {
            // Published and still covered: another ban's build, or one that the invalidator has yet to judge.
            Outcome::Published => None,
            // The newer build is yet to be told of; where none is under way, that one has come to nothing.
            Outcome::Superseded if state.is_under_way(project) => None,
            Outcome::Superseded | Outcome::Refused | Outcome::Failed => {
                Some(format!("{}: {}", ending.outcome, ending.message))
            }
        };
    }
    // What stands on a project that was not replaced cannot be either.
    let is_left = |base: &&Name| ended.get(base).is_some_and(|end| end != REPLACED);
    graph.bases(project).find(is_left).map(|base| format!("stands on {base}, which was not replaced"))
}

#[cfg(test)]
mod tests;
