//! Which attempt at a build is due, and when. Pure: what failed for a reason outside comes again ever more slowly, until it works, is superseded by
//! a newer push, or its ban is lifted; what failed for the team's reasons comes again when a person or a changed project asks for it.

use events::fact::{Lane, Outcome, retry_pause};
use time::OffsetDateTime;
use verdict::{
    Sequence,
    order::{Name, Severity},
};

use super::state::{Ending, Pushed, State};

/// What is to be done about a build now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// This attempt is released.
    Now(u32),
    /// The next attempt is due at this time.
    At(OffsetDateTime),
    /// Nothing: it is under way, or it has ended.
    Not,
}

/// What is to be done about `build`, which `source` is for.
pub(crate) fn due(state: &State, project: &Name, source: &Pushed, build: &str, now: OffsetDateTime) -> Due {
    let (released, ending) = (state.released.get(build), state.finished.get(build));
    let Some(last) = released.map(|released| released.attempt).max(ending.map(|ending| ending.attempt))
    else {
        return Due::Now(1);
    };
    if ending.is_some_and(|ending| matches!(ending.outcome, Outcome::Published | Outcome::Superseded)) {
        return Due::Not;
    }
    let next = Due::Now(last.saturating_add(1));
    let since =
        |at: Option<&OffsetDateTime>| at.is_some_and(|at| released.is_none_or(|released| released.at < *at));
    if since(state.requests.get(project)) {
        return next;
    }
    let Some(ending) = ending.filter(|ending| ending.attempt >= last) else { return Due::Not };
    if since(state.changes.get(project)) {
        return next;
    }
    if !ending.is_retried() {
        return Due::Not;
    }
    // The same commit was pushed again.
    if source.place > ending.pushed {
        return next;
    }
    match retry_at(state, build, ending) {
        at if at <= now => next,
        at => Due::At(at),
    }
}

/// When a build that failed is tried again: at once where the host that it waited for has answered somebody since.
fn retry_at(state: &State, build: &str, ending: &Ending) -> OffsetDateTime {
    let answered = state.answered.get(&ending.waits_for);
    if !ending.waits_for.is_empty() && answered.is_some_and(|answered| *answered > ending.at) {
        return ending.at;
    }
    ending.retry_at.unwrap_or_else(|| ending.at + retry_pause(build, ending.attempt))
}

/// Which consumers take a build: what a person waits for stands before everything else.
pub(crate) fn lane(state: &State, project: &Name, ban: Option<Sequence>) -> Lane {
    if state.requests.contains_key(project) {
        return Lane::Urgent;
    }
    match ban {
        None => Lane::Routine,
        Some(ban) => match state.snapshot.ban(ban).map(|ban| ban.ban.severity) {
            Some(Severity::Critical) => Lane::Urgent,
            _ => Lane::Campaign,
        },
    }
}

#[cfg(test)]
mod tests;
