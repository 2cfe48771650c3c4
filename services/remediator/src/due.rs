//! Which remedies are due in which containers: a function of snapshot, inventory, runs under way and time. Not the running of them.

use std::collections::BTreeSet;

use containers::{Container, ContainerId};
use time::OffsetDateTime;
use verdict::{
    Sequence, Snapshot,
    decide::tie,
    order::{Name, Remedy},
    snapshot::{ActiveBan, Origin},
};

/// What happens at most once: one remedy, for one ban, in one run of one container.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// The order that banned.
    pub ban: Sequence,
    /// The remedy's name.
    pub remedy: Name,
    /// The container.
    pub container: ContainerId,
    /// When it had started, as the runtime writes it: a container that starts again runs the banned content again.
    pub started_at: String,
}

/// A run that is due, with what it takes to carry it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Its identity.
    pub run: Run,
    /// The ban's origin, whose trace it belongs to.
    pub origin: Origin,
    /// What is run.
    pub remedy: Remedy,
    /// The container's name, for people.
    pub name: String,
}

/// The runs that are due at `now` and not among `known`, oldest ban first.
///
/// A container is due when a ban that holds is tied to its image; one that a ban could merely not be cleared of is left alone, since a
/// remedy changes what it touches. What was lifted, closed or has expired is not due.
pub fn due<'a>(
    snapshot: &Snapshot,
    inventory: impl Iterator<Item = &'a Container> + Clone,
    known: &BTreeSet<Run>,
    now: OffsetDateTime,
) -> Vec<Due> {
    let mut found = Vec::new();
    for ban in snapshot.bans().filter(|ban| ban.holds_at(now) && !ban.remedies.is_empty()) {
        let coverage = snapshot.coverage(ban);
        for container in inventory.clone().filter(|container| container.is_running) {
            let Some(started_at) = &container.started_at else { continue };
            if tie(ban, &coverage, &container.facts).is_none() {
                continue;
            }
            let remedies = ban.remedies.iter().filter_map(|name| snapshot.remedy(name));
            found.extend(remedies.map(|remedy| a_run(ban, remedy, container, started_at)));
        }
    }
    found.retain(|due| !known.contains(&due.run));
    found
}

/// The bans that hold at `now` and cover the container's image, with a remedy or without.
pub fn bans(snapshot: &Snapshot, container: &Container, now: OffsetDateTime) -> Vec<Sequence> {
    let holding = snapshot.bans().filter(|ban| ban.holds_at(now));
    let covering = holding.filter(|ban| tie(ban, &snapshot.coverage(ban), &container.facts).is_some());
    covering.map(|ban| ban.record.sequence).collect()
}

fn a_run(ban: &ActiveBan, remedy: &Remedy, container: &Container, started_at: &str) -> Due {
    Due {
        run: Run {
            ban: ban.record.sequence,
            remedy: remedy.name.clone(),
            container: container.id.clone(),
            started_at: started_at.to_owned(),
        },
        origin: ban.record.clone(),
        remedy: remedy.clone(),
        name: container.name.clone(),
    }
}

#[cfg(test)]
pub(crate) mod tests;
