//! DL3018: packages from apk have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3018",
    level: Level::Warning,
    page: include_str!("dl3018.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.calls("apk").flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}=<version>."));
    }
}

/// What an `apk add` installs; empty for other calls.
fn packages<'s>(call: &'s Command<'_>) -> impl Iterator<Item = &'s str> {
    let adds = call.has("add");
    let operands = call.operands_besides(&["t", "virtual", "X", "repository"]);
    operands.filter(move |word| adds && *word != "add")
}

/// A version, or a file.
fn is_pinned(package: &str) -> bool {
    package.contains(['=', '~', '<', '>']) || package.ends_with(".apk")
}
