//! Which findings refuse a file and which are not looked at. Not where policies come from.

use std::collections::BTreeMap;

use crate::{
    finding::{Finding, Level},
    rules,
};

/// What a file must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The mildest level that refuses; none refuses by level alone.
    pub fail_on: Option<Level>,
    /// Codes that always refuse: whatever their level, and whatever the file's own comments say.
    pub deny: Vec<String>,
    /// Codes that are not looked at, unless denied.
    pub ignore: Vec<String>,
    /// Levels that differ from the rules' own, by code.
    pub levels: BTreeMap<String, Level>,
}

impl Default for Policy {
    /// Errors refuse, the rest is told: what a project without a policy of its own gets.
    fn default() -> Self {
        Self { fail_on: Some(Level::Error), deny: Vec::new(), ignore: Vec::new(), levels: BTreeMap::new() }
    }
}

impl Policy {
    /// The codes in it that no rule has, denied ones first: most likely a slip of the pen, and without effect.
    pub fn unknown_codes(&self) -> Vec<&str> {
        let codes = self.deny.iter().chain(&self.ignore).chain(self.levels.keys()).map(String::as_str);
        codes.filter(|code| rules::rule(code).is_none()).collect()
    }

    /// How bad this policy finds a code whose own level is `level`; none where it is not looked at.
    pub(crate) fn level_of(&self, code: &str, level: Level) -> Option<Level> {
        let level = self.levels.get(code).copied().unwrap_or(level);
        let ignored = level == Level::Ignore || self.ignore.iter().any(|ignored| ignored == code);
        // What is denied is looked at even where it is off otherwise, and is then as bad as can be.
        match (self.denies(code), ignored) {
            (true, _) if level == Level::Ignore => Some(Level::Error),
            (true, _) | (false, false) => Some(level),
            (false, true) => None,
        }
    }

    pub(crate) fn denies(&self, code: &str) -> bool {
        self.deny.iter().any(|denied| denied == code)
    }

    pub(crate) fn refuses(&self, finding: &Finding) -> bool {
        self.denies(&finding.code) || self.fail_on.is_some_and(|mildest| finding.level >= mildest)
    }
}
