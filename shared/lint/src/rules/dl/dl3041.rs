//! DL3041: packages from dnf have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::unpinned_rpms,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3041",
    level: Level::Warning,
    page: include_str!("dl3041.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let calls = run.script.commands.iter().filter(|call| {
        // A group is a list of packages that has no version.
        matches!(call.program.as_ref(), "dnf" | "microdnf") && !call.has("group")
    });
    let unpinned: Vec<&str> = calls.flat_map(unpinned_rpms).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}-<version>."));
    }
}
