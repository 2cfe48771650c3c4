//! DL3014: apt-get does not ask.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3014",
    level: Level::Warning,
    page: include_str!("dl3014.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("apt-get").any(|call| call.has("install") && !is_silent(call)) {
        sink.report_run(run, "Add -y: nobody answers in a build.");
    }
}

/// Yes is taken for granted, or the questions are switched off by two `q`.
fn is_silent(call: &Command<'_>) -> bool {
    call.has_flag(&["y", "yes", "assume-yes"])
        || call.count_of_flag("q") == 2
        || call.count_of_flag("quiet") == 2
        || call.has("-q=2")
}
