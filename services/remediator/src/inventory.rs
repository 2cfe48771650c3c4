//! The containers that run on this node, and what changed when somebody looked. Not the looking.

use std::collections::BTreeMap;

use containers::{Container, ContainerId};

/// What runs here.
#[derive(Debug, Default)]
pub(crate) struct Inventory(BTreeMap<ContainerId, Container>);

/// What was seen.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// All that runs.
    All(Vec<Container>),
    /// One container, as it is after something happened to it; none if it is gone.
    One(ContainerId, Option<Box<Container>>),
}

/// What a look changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// A container runs that did not before, or runs anew.
    Started(Box<Container>),
    /// A run of a container ended.
    Stopped(Box<Container>),
}

impl Inventory {
    pub(crate) fn running(&self) -> impl Iterator<Item = &Container> + Clone {
        self.0.values()
    }

    /// Takes in what was seen; ends come before beginnings.
    pub(crate) fn see(&mut self, seen: Seen) -> Vec<Change> {
        match seen {
            Seen::All(containers) => {
                let before = std::mem::take(&mut self.0);
                let mut after: BTreeMap<_, _> =
                    containers.into_iter().map(|container| (container.id.clone(), container)).collect();
                after.retain(|_, container| container.is_running);
                let goes_on = |one: &BTreeMap<ContainerId, Container>, other: &Container| {
                    one.get(&other.id).is_some_and(|known| known.started_at == other.started_at)
                };
                let started = after.values().filter(|container| !goes_on(&before, container));
                let started: Vec<_> = started.cloned().map(Box::new).map(Change::Started).collect();
                let stopped = before.into_values().filter(|container| !goes_on(&after, container));
                let changes = stopped.map(Box::new).map(Change::Stopped).chain(started).collect();
                self.0 = after;
                changes
            }
            Seen::One(id, found) => {
                let before = self.0.remove(&id);
                let after = found.filter(|container| container.is_running);
                if let Some(container) = &after {
                    self.0.insert(id, container.as_ref().clone());
                }
                let run = |container: &Container| container.started_at.clone();
                if before.as_ref().map(run) == after.as_deref().map(run) {
                    return Vec::new();
                }
                let stopped = before.map(Box::new).map(Change::Stopped);
                stopped.into_iter().chain(after.map(Change::Started)).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::due::tests::container;

    fn run(id: &str, started_at: &str) -> Container {
        Container { started_at: Some(started_at.to_owned()), ..container(id, &[]) }
    }

    fn one(id: &str, found: Option<Container>) -> Seen {
        Seen::One(id.parse().unwrap(), found.map(Box::new))
    }

    #[track_caller]
    fn check(inventory: &mut Inventory, seen: Seen, expected: &[&str]) {
        let said: Vec<String> = inventory
            .see(seen)
            .into_iter()
            .map(|change| match change {
                Change::Started(found) => format!("+{}@{}", found.id, found.started_at.unwrap()),
                Change::Stopped(lost) => format!("-{}@{}", lost.id, lost.started_at.unwrap()),
            })
            .collect();
        assert_eq!(said, expected);
    }

    #[test]
    fn each_beginning_and_end_is_told_once_however_it_was_seen() {
        let mut inventory = Inventory::default();
        check(&mut inventory, Seen::All(vec![run("a", "1"), run("b", "1")]), &["+a@1", "+b@1"]);
        check(&mut inventory, one("a", Some(run("a", "1"))), &[]);
        check(&mut inventory, one("c", Some(run("c", "1"))), &["+c@1"]);
        check(&mut inventory, one("b", None), &["-b@1"]);
        check(&mut inventory, one("b", None), &[]);
        // It was restarted between two looks.
        check(&mut inventory, one("a", Some(run("a", "2"))), &["-a@1", "+a@2"]);
        check(&mut inventory, one("a", Some(Container { is_running: false, ..run("a", "2") })), &["-a@2"]);
        check(&mut inventory, Seen::All(vec![run("a", "3"), run("c", "2")]), &["-c@1", "+a@3", "+c@2"]);
        check(&mut inventory, Seen::All(Vec::new()), &["-a@3", "-c@2"]);
        assert_eq!(inventory.running().count(), 0);
    }
}
