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

/// How often a definition is tried under one rulebook before its team is told that it cannot be scanned.
const TRIES: u32 = 6;
/// How long it is left alone after the first try that failed; twice as long after each further one, two minutes in all.
const FIRST_REST: Duration = Duration::from_secs(2);

/// What was said of each project last.
#[derive(Debug, Default)]
pub(super) struct Known {
    last: BTreeMap<Name, Last>,
    /// Projects that no definition is stored of, under this rulebook.
    empty: BTreeSet<(Name, Rulebook)>,
    /// Projects that are being scanned here.
    working: BTreeSet<Name>,
    /// Projects that are left alone, and until when.
    waiting: BTreeMap<Name, (Instant, Why)>,
    /// How often a project's definition could not be scanned under a rulebook.
    failed: BTreeMap<Name, (Rulebook, u32)>,
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
    /// It will be tried again.
    Failed,
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
    /// The place of the last fact about it that had been heard. What is heard behind it while it is being scanned is not waited for afterwards.
    place: u64,
    /// The rules that it is to be judged by.
    pub(super) rulebook: Rulebook,
    /// Whether another claimed it and nothing came of it.
    pub(super) is_abandoned: bool,
    /// Whether it has been tried so often that this is the last time.
    pub(super) is_last_try: bool,
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
                self.failed.remove(&fact.project);
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
        if self.working.contains(project)
            || waiting.is_some_and(|(until, _)| *until > Instant::now())
            || self.empty.contains(&(project.clone(), rulebook))
        {
            return None;
        }
        let why = waiting.map(|(_, why)| *why);
        let failed =
            self.failed.get(project).filter(|(under, _)| *under == rulebook).map_or(0, |(_, tries)| *tries);
        let last = self.last.get(project);
        let older = last.is_none_or(|last| {
            let Rulebook { catalog, policies } = last.rulebook;
            last.rulebook != rulebook && catalog <= rulebook.catalog && policies <= rulebook.policies
        });
        older.then(|| Due {
            project: project.clone(),
            place: last.map_or(0, |last| last.sequence),
            // What was never followed by anything, and yet was overtaken, has left the stream.
            after: last.filter(|_| why != Some(Why::Placed)).map_or(0, |last| last.sequence),
            is_abandoned: why == Some(Why::Claimed),
            is_last_try: failed + 1 >= TRIES,
            last: last.map(|last| (last.definition.clone(), last.refused)),
            rulebook,
        })
    }

    /// It is being scanned from now on, until one of the next is said of it.
    pub(super) fn begun(&mut self, due: &Due) {
        self.working.insert(due.project.clone());
        self.turn = self.turn.wrapping_add(1);
    }

    /// Nothing is stored of that project.
    pub(super) fn nothing_to_scan(&mut self, due: &Due) {
        self.working.remove(&due.project);
        self.empty.retain(|(_, rulebook)| *rulebook == due.rulebook);
        self.empty.insert((due.project.clone(), due.rulebook));
    }

    /// A fact was stored behind the one that `due` names, ours or another's.
    pub(super) fn placed(&mut self, due: &Due) {
        self.leave(due, Why::Placed, PATIENCE);
    }

    /// Another scanner does it.
    pub(super) fn claimed(&mut self, due: &Due) {
        self.leave(due, Why::Claimed, PATIENCE);
    }

    /// It could not be scanned, and rests the longer the more often.
    pub(super) fn failed(&mut self, due: &Due) {
        self.rest(due, TRIES);
    }

    /// Its scan did not end in time, and it rests the longer the more often. A busy machine or one that can start no process is no fault of the
    /// definition's: its team is never told so for that alone.
    pub(super) fn late(&mut self, due: &Due) {
        self.rest(due, TRIES - 2);
    }

    fn rest(&mut self, due: &Due, most: u32) {
        let before = self.failed.get(&due.project).filter(|(under, _)| *under == due.rulebook);
        let before = before.map_or(0, |(_, tries)| *tries);
        let tries = before.max((before + 1).min(most));
        self.failed.insert(due.project.clone(), (due.rulebook, tries));
        self.leave(due, Why::Failed, FIRST_REST * 2_u32.pow(tries - 1));
    }

    /// The broker did not do its part, which is no fault of the definition's.
    pub(super) fn interrupted(&mut self, due: &Due) {
        self.leave(due, Why::Failed, FIRST_REST);
    }

    fn leave(&mut self, due: &Due, why: Why, rest: Duration) {
        self.working.remove(&due.project);
        if self.last.get(&due.project).is_some_and(|last| last.sequence > due.place) {
            return;
        }
        self.waiting.insert(due.project.clone(), (Instant::now() + rest, why));
    }
}

#[cfg(test)]
mod tests;
