//! DL3033: packages from yum have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::unpinned_rpms,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3033",
    level: Level::Warning,
    page: include_str!("dl3033.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> = run.script.calls("yum").flat_map(unpinned_rpms).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}-<version>."));
    }
}
