//! Our findings against hadolint's: sets of (line, code, level) for each file, for the codes that both know (`DL…`). Not the words.

mod peer;
mod policy;

use std::collections::{BTreeMap, BTreeSet};

use dockerfile::Dockerfile;
use lint::Linter;

pub use self::{
    peer::{Hadolint, PeerError},
    policy::Policies,
};

/// What one side found in one file.
pub type Findings = BTreeSet<Found>;

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its line, from 1.
    pub line: usize,
    /// Its code.
    pub code: String,
    /// How bad it is, in hadolint's words.
    pub level: String,
}

/// The code of what cannot be read. hadolint says no more of such a file; we do.
const UNREADABLE: &str = "DL1000";

/// One file as both sides see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compared {
    /// Its name: a path, or the number that it was made with.
    pub name: String,
    /// What it says.
    pub text: String,
    /// What we find.
    pub ours: Findings,
    /// What hadolint finds.
    pub theirs: Findings,
}

/// All files of a run as both sides see them.
#[derive(Debug, Clone, Default)]
pub struct Comparison {
    /// Those that hadolint can read.
    pub files: Vec<Compared>,
    /// How many it cannot, or crashed on.
    pub unread: usize,
    /// How many of `files` no builder would take, though hadolint reads them: only we say so (`DL1000`), and all else is compared.
    pub unsound: usize,
}

impl Comparison {
    /// Has both sides read the files, each under its policy.
    pub fn of(files: &[(String, String)], peer: &Hadolint) -> Result<Self, PeerError> {
        let policies = Policies::new();
        let mut comparison = Self::default();
        for (policy, yaml) in policies.each() {
            let linter = Linter::new(policy);
            let chosen: Vec<&(String, String)> = files
                .iter()
                .enumerate()
                .filter(|(index, _)| policies.is_for(yaml, *index))
                .map(|(_, file)| file)
                .collect();
            let theirs = peer.lint(&chosen, yaml)?;
            for ((name, text), theirs) in chosen.into_iter().zip(theirs) {
                let report = linter.lint(&Dockerfile::read(text));
                let ours = report.findings.iter().filter(|finding| finding.code.starts_with("DL"));
                let ours = ours.map(|finding| Found {
                    line: finding.line,
                    code: finding.code.to_string(),
                    level: finding.level.as_str().to_owned(),
                });
                let ours = ours.collect();
                let Some(theirs) = theirs else {
                    comparison.unread += 1;
                    continue;
                };
                comparison.add(Compared { name: name.clone(), text: text.clone(), ours, theirs });
            }
        }
        Ok(comparison)
    }

    fn add(&mut self, mut compared: Compared) {
        let is_unreadable = |found: &Found| found.code == UNREADABLE;
        if compared.theirs.iter().any(is_unreadable) {
            self.unread += 1;
            return;
        }
        let before = compared.ours.len();
        compared.ours.retain(|finding| !is_unreadable(finding));
        self.unsound += usize::from(compared.ours.len() < before);
        self.files.push(compared);
    }

    /// How many files both read in the same way, if we had no rule `without`.
    pub fn agreeing(&self, without: Option<&str>) -> usize {
        self.files.iter().filter(|file| file.agrees(without)).count()
    }

    /// How often hadolint finds each code.
    pub fn fired(&self) -> BTreeMap<&str, usize> {
        let mut fired = BTreeMap::new();
        for found in self.files.iter().flat_map(|file| &file.theirs) {
            *fired.entry(found.code.as_str()).or_default() += 1;
        }
        fired
    }

    /// The rules whose absence this comparison would not notice.
    pub fn blind_to<'a>(&self, codes: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
        let all = self.agreeing(None);
        codes.into_iter().filter(|code| self.agreeing(Some(code)) >= all).collect()
    }
}

impl Compared {
    /// Whether both find the same, if we had no rule `without`.
    pub fn agrees(&self, without: Option<&str>) -> bool {
        match without {
            None => self.ours == self.theirs,
            Some(code) => self.ours.iter().filter(|own| own.code != code).eq(self.theirs.iter()),
        }
    }
}

#[cfg(test)]
mod tests;
