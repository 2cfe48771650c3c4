//! What is due, what is under way, and what has to wait: decides what is begun next. Begins nothing itself.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bus::Record;
use containers::Container;
use events::{
    fact::{ContainerStarted, ContainerStopped},
    fold,
};
use time::OffsetDateTime;
use tokio::time::Instant;
use tracing::Span;
use verdict::Snapshot;

use crate::{
    announce::Fact,
    carry_out::Came,
    due::{Due, Run, bans, due},
    inventory::{Change, Inventory, Seen},
};

/// After how long a run that could not go on is tried again: soon, since most of it is a container that is unpaused or a daemon that
/// restarts, and bounded by one inspection a try.
const AGAIN: Duration = Duration::from_secs(2);

/// The agent's whole state.
#[derive(Debug, Default)]
pub(crate) struct State {
    snapshot: Snapshot,
    inventory: Inventory,
    /// Runs that were begun and those that are over, as long as their containers run.
    begun: BTreeSet<Run>,
    /// Runs that are due, and the span of what made them so.
    waiting: BTreeMap<Run, Span>,
    /// Runs that could not go on, and when to try again.
    resting: BTreeMap<Run, Instant>,
}

impl State {
    /// Takes in an order or a resolution.
    pub(crate) fn hear(&mut self, record: &Record) {
        fold(&mut self.snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
    }

    /// Takes in what was seen of the containers, and says what is to be told of it.
    pub(crate) fn see(&mut self, seen: Seen, node: &str, now: OffsetDateTime) -> Vec<Fact> {
        let changes = self.inventory.see(seen);
        changes.into_iter().filter_map(|change| self.told(change, node, now)).collect()
    }

    fn told(&mut self, change: Change, node: &str, now: OffsetDateTime) -> Option<Fact> {
        match change {
            Change::Started(container) => {
                let bans = bans(&self.snapshot, &container, now);
                let Container { id, name, image_name, started_at, .. } = *container;
                Some(Fact::Started(ContainerStarted {
                    node: node.to_owned(),
                    container: id.to_string(),
                    name,
                    image: image_name,
                    started_at: started_at?,
                    bans,
                }))
            }
            Change::Stopped(container) => {
                let Container { id, started_at, .. } = *container;
                // What is still under way there is told when it ends. The journal remembers the rest.
                self.begun.retain(|run| run.container != id);
                let started_at = started_at?;
                Some(Fact::Stopped(ContainerStopped {
                    node: node.to_owned(),
                    container: id.to_string(),
                    started_at,
                }))
            }
        }
    }

    /// The runs to begin now, `free` at most, each with the span of what made it due; `cause` is the span of what happened last.
    pub(crate) fn begin(
        &mut self,
        free: usize,
        cause: &Span,
        now: OffsetDateTime,
        clock: Instant,
    ) -> Vec<(Due, Span)> {
        let due = due(&self.snapshot, self.inventory.running(), &self.begun, now);
        // What is no longer due is not carried over.
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut resting = std::mem::take(&mut self.resting);
        let mut begun = Vec::new();
        for due in due {
            let cause = waiting.remove(&due.run).unwrap_or_else(|| cause.clone());
            let rests_until = resting.remove(&due.run).filter(|until| *until > clock);
            if rests_until.is_none() && begun.len() < free {
                self.begun.insert(due.run.clone());
                begun.push((due, cause));
                continue;
            }
            self.resting.extend(rests_until.map(|until| (due.run.clone(), until)));
            self.waiting.insert(due.run, cause);
        }
        begun
    }

    /// Takes in how a run came out.
    pub(crate) fn came(&mut self, run: Run, came: Came, clock: Instant) {
        match came {
            Came::Done => {}
            Came::Later => {
                self.begun.remove(&run);
                self.resting.insert(run, clock + AGAIN);
            }
        }
    }

    /// When the next run that rests is to be tried again.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.resting.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use verdict::Order;

    use super::*;
    use crate::due::tests::{ban, container, resolved};

    const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    /// A state with a ban in force and these containers of it.
    fn state(containers: &[&str]) -> State {
        let mut state = State { snapshot: resolved([Order::Ban(ban())]), ..State::default() };
        let containers = containers.iter().map(|id| container(id, &["a", "b"])).collect();
        state.see(Seen::All(containers), "node-1", NOW);
        state
    }

    #[track_caller]
    fn check(state: &mut State, free: usize, clock: Instant, expected: &[&str]) -> Vec<Run> {
        let begun = state.begin(free, &Span::none(), NOW, clock);
        let runs: Vec<Run> = begun.into_iter().map(|(due, _)| due.run).collect();
        let ids: Vec<&str> = runs.iter().map(|run| run.container.as_str()).collect();
        assert_eq!(ids, expected);
        runs
    }

    #[test]
    fn no_more_is_begun_than_there_is_room_for_and_nothing_twice() {
        let mut state = state(&["a", "b", "c"]);
        let clock = Instant::now();
        check(&mut state, 0, clock, &[]);
        check(&mut state, 2, clock, &["a", "b"]);
        check(&mut state, 2, clock, &["c"]);
        check(&mut state, 2, clock, &[]);
        assert_eq!(state.wakes_at(), None);
    }

    #[test]
    fn what_cannot_go_on_rests_and_holds_up_nobody() {
        let mut state = state(&["a", "b"]);
        let clock = Instant::now();
        let run = check(&mut state, 1, clock, &["a"]).remove(0);
        state.came(run, Came::Later, clock);
        check(&mut state, 1, clock, &["b"]);
        assert_eq!(state.wakes_at(), Some(clock + AGAIN));
        // Its rest is over while there is no room: it wakes nobody, and takes the next room there is.
        check(&mut state, 0, clock + AGAIN, &[]);
        assert_eq!(state.wakes_at(), None);
        let run = check(&mut state, 1, clock + AGAIN, &["a"]).remove(0);
        state.came(run, Came::Done, clock + AGAIN);
        check(&mut state, 1, clock + 2 * AGAIN, &[]);
    }

    #[test]
    fn a_container_that_stopped_is_forgotten_and_what_it_runs_next_is_due() {
        let mut state = state(&["a"]);
        let clock = Instant::now();
        let run = check(&mut state, 1, clock, &["a"]).remove(0);
        let facts = state.see(Seen::All(Vec::new()), "node-1", NOW);
        assert!(matches!(facts.as_slice(), [Fact::Stopped(fact)] if fact.container == "a"), "{facts:?}");
        state.came(run, Came::Later, clock);
        check(&mut state, 1, clock + AGAIN, &[]);
        assert_eq!(state.wakes_at(), None);
        let again = Container { started_at: Some("later".to_owned()), ..container("a", &["a", "b"]) };
        let facts = state.see(Seen::One(again.id.clone(), Some(Box::new(again))), "node-1", NOW);
        assert!(matches!(facts.as_slice(), [Fact::Started(fact)] if fact.started_at == "later"), "{facts:?}");
        check(&mut state, 1, clock, &["a"]);
    }
}
