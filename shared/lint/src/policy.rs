//! Which findings refuse a file and which are not looked at; the one function that lints. Not where policies come from.

use dockerfile::Dockerfile;

use crate::{
    finding::{Finding, Level, Report},
    pragma::Pragmas,
    rules::{self, Rule},
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
}

impl Default for Policy {
    /// Errors refuse, the rest is told: what a project without a policy of its own gets.
    fn default() -> Self {
        Self { fail_on: Some(Level::Error), deny: Vec::new(), ignore: Vec::new() }
    }
}

impl Policy {
    /// The codes in it that no rule has, denied ones first: most likely a slip of the pen, and without effect.
    pub fn unknown_codes(&self) -> Vec<&str> {
        let codes = self.deny.iter().chain(&self.ignore).map(String::as_str);
        codes.filter(|code| rules::rule(code).is_none()).collect()
    }

    fn denies(&self, code: &str) -> bool {
        self.deny.iter().any(|denied| denied == code)
    }

    fn ignores(&self, code: &str) -> bool {
        self.ignore.iter().any(|ignored| ignored == code)
    }
}

/// Lints a file as read, mistakes included; the findings come by line, then by code.
pub fn lint(file: &Dockerfile, policy: &Policy) -> Report {
    let pragmas = Pragmas::of(file);
    let mut findings: Vec<Finding> = rules::ALL
        .iter()
        .filter(|rule| policy.denies(rule.code) || !policy.ignores(rule.code))
        .flat_map(|rule| found_by(rule, file))
        .filter(|finding| policy.denies(finding.code) || !pragmas.silence(finding))
        .collect();
    findings.sort_by(|a, b| (a.line, a.code).cmp(&(b.line, b.code)));
    let refuses = |finding: &Finding| {
        policy.denies(finding.code) || policy.fail_on.is_some_and(|mildest| finding.level >= mildest)
    };
    let refused = findings.iter().any(refuses);
    Report { findings, refused }
}

fn found_by(rule: &'static Rule, file: &Dockerfile) -> impl Iterator<Item = Finding> {
    let found = (rule.check)(file).into_iter();
    found.map(|found| Finding {
        line: found.line,
        code: rule.code,
        level: rule.level,
        message: found.message,
    })
}
