//! DL3034: zypper does not ask.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3034",
    level: Level::Warning,
    page: include_str!("dl3034.md"),
    check: Check::Runs(check),
};

/// What asks before it does something.
const ASKING: [&str; 7] = ["install", "in", "remove", "rm", "source-install", "si", "patch"];

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let asks = run
        .script
        .calls("zypper")
        .any(|call| call.has_one_of(&ASKING) && !call.has_flag(&["n", "non-interactive", "y", "no-confirm"]));
    if asks {
        sink.report_run(run, "Add -n: nobody answers in a build.");
    }
}
