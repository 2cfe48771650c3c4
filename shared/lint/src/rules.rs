//! The rules: one file each, all in one table. Not what becomes of their findings (see `policy`).
//!
//! A rule is a value. To add one: a file with its `RULE`, its `mod` line, its line in [`ALL`]; what is not in the table is an
//! unused constant, which does not build.

pub(crate) mod dl1000;
mod dl3000;
mod dl3002;
mod dl3004;
mod dl3006;
mod dl3007;
mod dl3008;
mod dl3020;
mod dl3025;
mod dl4000;
mod dl4003;
mod dl4004;
mod pl1001;

use dockerfile::Dockerfile;

use crate::finding::Level;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its code, under which it is ignored and denied.
    pub code: &'static str,
    /// How bad it is to break it.
    pub level: Level,
    /// What it asks for, in one sentence.
    pub summary: &'static str,
    /// A file that breaks it.
    pub bad: &'static str,
    /// The same file, put right.
    pub good: &'static str,
    /// The places that break it.
    pub(crate) check: fn(&Dockerfile) -> Vec<Found>,
}

/// A place that breaks the rule at hand.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// Every rule, by code.
pub static ALL: [&Rule; 13] = [
    &dl1000::RULE,
    &dl3000::RULE,
    &dl3002::RULE,
    &dl3004::RULE,
    &dl3006::RULE,
    &dl3007::RULE,
    &dl3008::RULE,
    &dl3020::RULE,
    &dl3025::RULE,
    &dl4000::RULE,
    &dl4003::RULE,
    &dl4004::RULE,
    &pl1001::RULE,
];

/// The rule with that code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    ALL.into_iter().find(|rule| rule.code == code)
}

impl Found {
    pub(crate) fn new(line: usize, message: impl Into<String>) -> Self {
        Self { line, message: message.into() }
    }
}
