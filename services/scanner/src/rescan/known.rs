//! Which definitions are due: a fold of the facts about scans. Asks nobody and stores nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use artifact::Digest;
use bus::Record;
use events::{Event as _, fact::ScanFinished};
use verdict::{order::Name, snapshot::Rulebook};

/// How long a project is left alone for its next fact to be heard: longer than a scan.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was said of each project last.
#[derive(Debug, Default)]
pub(super) struct Known {
    last: BTreeMap<Name, Last>,
    /// Projects that no definition is stored of, under this rulebook.
    empty: BTreeSet<(Name, Rulebook)>,
    /// Projects whose next fact is on the way, and since when.
    waiting: BTreeMap<Name, (Instant, Why)>,
    /// Where the search begins.
    turn: usize,
}

/// Why a project is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Another scanner has claimed it.
    Claimed,
    /// Something stands behind its last fact.
    Placed,
}

#[derive(Debug, Clone)]
struct Last {
    sequence: u64,
    definition: Digest,
    refused: bool,
    rulebook: Rulebook,
}

/// A project whose definition is to be scanned again.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Due {
    pub(super) project: Name,
    /// The place of the last fact about it, behind which the next one belongs; 0 where there is none.
    pub(super) after: u64,
    /// The rules that it is to be judged by.
    pub(super) rulebook: Rulebook,
    /// Whether another claimed it and nothing came of it.
    pub(super) is_abandoned: bool,
    last: Option<(Digest, bool)>,
}

impl Due {
    /// Whether that definition was refused before.
    pub(super) fn was_refused(&self, definition: &Digest) -> bool {
        self.last.as_ref().is_some_and(|(last, refused)| last == definition && *refused)
    }
}

impl Known {
    /// Knows nothing yet, and will look for what is due from that place on.
    pub(super) fn beginning_at(turn: usize) -> Self {
        Self { turn, ..Self::default() }
    }

    pub(super) fn hear(&mut self, record: &Record) {
        if record.subject.split_kind().map(|(kind, _)| kind) != Some(ScanFinished::KIND) {
            return;
        }
        match ScanFinished::decode(&record.body) {
            Ok(fact) => {
                let rulebook = Rulebook { catalog: fact.catalog_revision, policies: fact.policy_revision };
                let last = Last {
                    sequence: record.sequence,
                    definition: fact.definition_digest,
                    refused: fact.refused,
                    rulebook,
                };
                self.waiting.remove(&fact.project);
                self.empty.retain(|(project, _)| *project != fact.project);
                self.last.insert(fact.project, last);
            }
            // It stands on its project's subject all the same, and the next fact belongs behind it.
            Err(error) => {
                tracing::warn!(%error, subject = %record.subject, "A fact about a scan cannot be read.");
                let project =
                    record.subject.as_str().rsplit('.').next().and_then(|name| name.parse::<Name>().ok());
                if let Some(last) = project.and_then(|project| self.last.get_mut(&project)) {
                    last.sequence = record.sequence;
                }
            }
        }
    }

    /// The next of `projects` whose last scan was under another rulebook than `rulebook`, an older one; whoever is behind scans nothing.
    pub(super) fn due<'n>(
        &self,
        projects: impl Iterator<Item = &'n Name>,
        rulebook: Rulebook,
    ) -> Option<Due> {
        // Before anything was ordered there is nothing to hold a definition to.
        if rulebook == Rulebook::default() {
            return None;
        }
        let due: Vec<Due> = projects.filter_map(|project| self.is_due(project, rulebook)).collect();
        let place = self.turn.checked_rem(due.len())?;
        due.into_iter().nth(place)
    }

    fn is_due(&self, project: &Name, rulebook: Rulebook) -> Option<Due> {
        let waiting = self.waiting.get(project);
        if waiting.is_some_and(|(since, _)| since.elapsed() < PATIENCE)
            || self.empty.contains(&(project.clone(), rulebook))
        {
            return None;
        }
        let why = waiting.map(|(_, why)| *why);
        let last = self.last.get(project);
        let older = last.is_none_or(|last| {
            let Rulebook { catalog, policies } = last.rulebook;
            last.rulebook != rulebook && catalog <= rulebook.catalog && policies <= rulebook.policies
        });
        older.then(|| Due {
            project: project.clone(),
            // What was never followed by anything, and yet was overtaken, has left the stream.
            after: last.filter(|_| why != Some(Why::Placed)).map_or(0, |last| last.sequence),
            is_abandoned: why == Some(Why::Claimed),
            last: last.map(|last| (last.definition.clone(), last.refused)),
            rulebook,
        })
    }

    /// Nothing is stored of that project.
    pub(super) fn nothing_to_scan(&mut self, due: &Due) {
        self.empty.retain(|(_, rulebook)| *rulebook == due.rulebook);
        self.empty.insert((due.project.clone(), due.rulebook));
    }

    /// A fact was stored behind the one that `due` names, ours or another's.
    pub(super) fn placed(&mut self, due: &Due) {
        self.leave(due, Why::Placed);
    }

    /// Another scanner does it.
    pub(super) fn claimed(&mut self, due: &Due) {
        self.leave(due, Why::Claimed);
    }

    fn leave(&mut self, due: &Due, why: Why) {
        self.waiting.insert(due.project.clone(), (Instant::now(), why));
        self.turn = self.turn.wrapping_add(1);
    }
}

#[cfg(test)]
mod tests;
