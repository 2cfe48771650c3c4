//! DL3035: no zypper dist-upgrade.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3035",
    level: Level::Warning,
    page: include_str!("dl3035.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("zypper").any(|call| call.has_one_of(&["dist-upgrade", "dup"])) {
        sink.report_run(run, "Build on a newer base instead of zypper dist-upgrade.");
    }
}
