//! What is to be done now: builds to release and facts to say, decided from the state alone. Asked twice, it says the same.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

use events::fact::{
    BuildJob, CampaignClosed, CampaignOpened, CampaignPlanned, CampaignProgressed, ImageUnattributed, Outcome,
};
use events::rpc::WaitingBuild;
use time::OffsetDateTime;
use verdict::{Sequence, order::Name};

use super::{
    attempt::{self, Due},
    graph::Graph,
    state::{Campaign, Ending, Pushed, State},
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

/// What is to be done.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// In this order.
    pub(crate) actions: Vec<Action>,
    /// When there is more to be done, though nothing happens until then.
    pub(crate) wake: Option<OffsetDateTime>,
    /// Builds that failed and are tried again.
    pub(crate) waiting: Vec<WaitingBuild>,
}

/// Everything that is to be done in this state at `now`.
pub(crate) fn due(state: &State, now: OffsetDateTime) -> Plan {
    let mut plan = Plan::default();
    let known = state.sources.iter().filter(|(project, _)| state.snapshot.project(project).is_some());
    for (project, pushed) in known {
        plan.release(state, now, project, pushed, None);
    }
    for (ban, campaign) in &state.campaigns {
        if campaign.closed {
            late(&mut plan, state, now, *ban);
        } else if let Some(opened) = &campaign.opened {
            campaign_actions(&mut plan, state, now, *ban, campaign, opened);
        }
    }
    plan
}

impl Plan {
    /// Releases a build, where an attempt at it is due.
    fn release(
        &mut self,
        state: &State,
        now: OffsetDateTime,
        project: &Name,
        source: &Pushed,
        ban: Option<Sequence>,
    ) {
        let build = build_id(project, &source.commit, ban);
        let due = attempt::due(state, project, source, &build, now);
        let failed = state.finished.get(&build).filter(|ending| ending.is_retried());
        if let Some(ending) = failed {
            self.waiting.push(WaitingBuild {
                build: build.clone(),
                project: project.clone(),
                since: ending.waits_since,
                reason: ending.message.clone(),
                class: ending.class,
                retry_at: if let Due::At(at) = due { Some(at) } else { None },
                attempt: ending.attempt,
            });
        }
        match due {
            Due::Now(attempt) => {
                self.actions.push(Action::Release(BuildJob {
                    project: project.clone(),
                    commit: source.commit.clone(),
                    ban,
                    pushed: source.place,
                    attempt,
                    lane: attempt::lane(state, project, ban),
                    waits_since: failed.and_then(|ending| ending.waits_since),
                    build,
                }));
            }
            Due::At(at) => self.wake = Some(self.wake.map_or(at, |wake| wake.min(at))),
            Due::Not => {}
        }
    }
}

/// An image may come to be covered after the campaign has closed: the registry told of it late, or what it stands on was replaced since.
/// It is rebuilt all the same, as soon as nothing that it stands on is covered.
fn late(plan: &mut Plan, state: &State, now: OffsetDateTime, ban: Sequence) {
    if state.snapshot.ban(ban).is_none() {
        return;
    }
    let graph = Graph::of(state, affected(state, ban));
    for name in graph.order().filter(|name| graph.bases(name).next().is_none()) {
        if let Some(publication) = state.published.get(name) {
            plan.release(state, now, name, &publication.source, Some(ban));
        }
    }
}

/// The name of a build: one a (project, commit, cause), whatever the number of attempts, since it is published once.
pub(crate) fn build_id(project: &Name, commit: &str, ban: Option<Sequence>) -> String {
    let commit: String = commit.chars().take(12).collect();
    match ban {
        None => format!("{project}-{commit}"),
        Some(ban) => format!("{project}-{commit}-ban{ban}"),
    }
}

/// The projects of now whose images `ban` covers.
fn affected(state: &State, ban: Sequence) -> impl Iterator<Item = &Name> {
    state.snapshot.projects().map(|project| &project.name).filter(move |name| state.is_affected(name, ban))
}

fn campaign_actions(
    plan: &mut Plan,
    state: &State,
    now: OffsetDateTime,
    ban: Sequence,
    campaign: &Campaign,
    opened: &CampaignOpened,
) {
    if state.snapshot.ban(ban).is_none() {
        let projects = campaign.planned.clone().unwrap_or_default();
        let graph = Graph::of(state, &projects);
        plan.actions.push(telling::close(state, opened, &graph, &ends(state, ban, &graph), "lifted"));
        return;
    }
    let covered = u32::try_from(state.covered(ban).len()).unwrap_or(u32::MAX);
    if covered < opened.images {
        // Two streams tell of one ban; the images have not all been heard of yet.
        return;
    }
    // What was planned stays planned; what came to be covered since comes on top.
    let mut projects: BTreeSet<Name> = campaign.planned.clone().unwrap_or_default();
    projects.extend(affected(state, ban).cloned());
    let graph = Graph::of(state, &projects);
    plan.actions.extend(telling::plan(state, ban, campaign, &graph));
    let ends = ends(state, ban, &graph);
    // The longest way decides when the last image is replaced.
    let mut waiting: Vec<&Name> = projects.iter().filter(|name| state.is_affected(name, ban)).collect();
    waiting.sort_by_key(|name| Reverse(graph.height(name)));
    for name in waiting {
        let Some(publication) = state.published.get(name) else { continue };
        // What was built and has failed comes again only where somebody asks for it.
        let is_ready = match ends.contains_key(name) {
            false => graph.bases(name).all(|base| ends.contains_key(base)),
            true => state.finished.contains_key(&build_id(name, &publication.source.commit, Some(ban))),
        };
        if is_ready {
            plan.release(state, now, name, &publication.source, Some(ban));
        }
    }
    let total = u32::try_from(projects.len()).unwrap_or(u32::MAX);
    let mut done = u32::try_from(campaign.progressed.len()).unwrap_or(u32::MAX);
    for (name, end) in &ends {
        if !campaign.progressed.contains_key(*name) {
            done += 1;
            plan.actions.push(Action::Progressed(CampaignProgressed {
                ban,
                project: (*name).clone(),
                state: end.clone(),
                done,
                total,
            }));
        }
    }
    // Nobody waits for these, and builds may be long.
    plan.actions.extend(telling::name_orphans(state, ban));
    if ends.len() == projects.len() {
        plan.actions.push(telling::close(state, opened, &graph, &ends, "done"));
    }
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
    let build = build_id(project, commit, Some(ban));
    // An attempt that was released later is yet to end.
    let is_last = |ending: &&Ending| {
        state.released.get(&build).is_none_or(|released| released.attempt <= ending.attempt)
    };
    if let Some(ending) = state.finished.get(&build) {
        return match ending.outcome {
            // Published and still covered: another ban's build, or one that the invalidator has yet to judge.
            Outcome::Published => None,
            // The newer build is yet to be told of; where none is under way, that one has come to nothing.
            Outcome::Superseded if state.is_under_way(project) => None,
            // It waits, and is tried again.
            Outcome::Refused | Outcome::Failed if ending.is_retried() || !is_last(&ending) => None,
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
