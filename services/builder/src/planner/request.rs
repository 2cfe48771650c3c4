//! What a person is told who asked for a build, or for those that wait. Pure.

use events::{
    fact::Outcome,
    rpc::{BuildReply, WaitingBuild, WaitingReply},
};
use time::OffsetDateTime;
use verdict::order::Name;

use super::{campaign::build_id, state::State};

/// Builds in one answer, and the characters of the reason of each: together far below what the broker takes in a message.
const MOST: usize = 250;
const REASON: usize = 500;

/// Those that wait, longest first.
pub(crate) fn waiting(mut builds: Vec<WaitingBuild>) -> WaitingReply {
    builds.sort_by_key(|build| build.since);
    let omitted = u32::try_from(builds.len().saturating_sub(MOST)).unwrap_or(u32::MAX);
    builds.truncate(MOST);
    for build in &mut builds {
        build.reason = build.reason.chars().take(REASON).collect();
    }
    WaitingReply { builds, omitted }
}

/// What came of a request for `project` that was made at `since`.
pub(crate) fn answer(state: &State, project: &Name, since: OffsetDateTime) -> BuildReply {
    let under_way = state.under_way.get(project).into_iter().flatten();
    let is_new = |build: &&String| state.released.get(*build).is_some_and(|released| released.at >= since);
    let released: Vec<String> = under_way.filter(is_new).cloned().collect();
    let reason = if released.is_empty() { reason(state, project) } else { String::new() };
    BuildReply { released, reason }
}

/// Why nothing was released.
fn reason(state: &State, project: &Name) -> String {
    if state.snapshot.project(project).is_none() {
        return format!("no project {project} is applied; `plimsoll apply` makes it known");
    }
    let Some(source) = state.sources.get(project) else {
        return format!(
            "nothing was pushed to {project} yet; push a commit, and its webhook starts the build"
        );
    };
    let ending = state.finished.get(&build_id(project, &source.commit, None));
    match ending.map(|ending| (ending.outcome, &ending.message)) {
        Some((Outcome::Published | Outcome::Superseded, message)) => {
            format!("the last push, {}, is published already: {message}", source.commit)
        }
        _ => format!("nothing of {project} is to be built at this moment"),
    }
}
