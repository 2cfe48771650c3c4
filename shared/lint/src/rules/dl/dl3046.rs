//! DL3046: users with high numbers have no login log.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3046",
    level: Level::Warning,
    page: include_str!("dl3046.md"),
    check: Check::Runs(check),
};

/// More digits than this make a log that is felt.
const DIGITS: usize = 5;

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let logs = run.script.calls("useradd").any(|call| {
        !call.has_flag(&["l", "no-log-init"]) && call.values_of(&["u"]).any(|id| id.chars().count() > DIGITS)
    });
    if logs {
        sink.report_run(run, "Add -l: the login log of a user with such a number fills the layer.");
    }
}
