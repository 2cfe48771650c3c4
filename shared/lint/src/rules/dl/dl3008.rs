//! DL3008: packages from apt have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3008",
    level: Level::Warning,
    page: include_str!("dl3008.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.calls("apt-get").flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}=<version>."));
    }
}

/// What an `apt-get install` installs; empty for other calls.
fn packages<'s>(call: &'s Command<'_>) -> impl Iterator<Item = &'s str> {
    let installs = call.has("install");
    let operands = call.operands_besides(&["t", "target-release"]);
    operands.filter(move |word| installs && *word != "install")
}

/// A version, a release, or a file.
fn is_pinned(package: &str) -> bool {
    package.contains(['=', '/']) || package.ends_with(".deb")
}
