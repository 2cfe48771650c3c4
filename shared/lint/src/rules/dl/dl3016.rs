//! DL3016: packages from npm have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3016",
    level: Level::Warning,
    page: include_str!("dl3016.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.calls("npm").flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}@<version>."));
    }
}

/// What an `npm install` installs; empty for other calls.
fn packages<'s>(call: &'s Command<'_>) -> impl Iterator<Item = &'s str> {
    let operands = || call.operands_besides(&["registry", "loglevel"]);
    let installs = operands().next() == Some("install");
    operands().skip_while(|word| *word == "install").filter(move |_| installs)
}

fn is_pinned(package: &str) -> bool {
    if package.starts_with("git://") || package.starts_with("git+") {
        return package.contains('#');
    }
    let is_file = ["/", "./", "../", "~/"].iter().any(|start| package.starts_with(start))
        || [".tar", ".tar.gz", ".tgz"].iter().any(|end| package.ends_with(end));
    // The first `@` may open a scope.
    is_file || package.get(1..).is_some_and(|behind| behind.contains('@'))
}
