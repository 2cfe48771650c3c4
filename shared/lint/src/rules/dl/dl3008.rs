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
        run.commands.iter().flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report(run.line, format!("Say which version of {names} is meant: {first}=<version>."));
    }
}

/// What an `apt-get install` installs; empty for other calls.
fn packages(call: &Command) -> Vec<&str> {
    let installs = call.program == "apt-get" && call.words.iter().any(|word| word == "install");
    let mut words = call.words.iter().filter(|_| installs).map(String::as_str);
    let mut packages = Vec::new();
    while let Some(word) = words.next() {
        if names_release(word) {
            words.next();
        } else if !word.starts_with('-') && word != "install" {
            packages.push(word);
        }
    }
    packages
}

/// `-t`, alone or behind other letters, and its long form: the next word is a release, not a package.
fn names_release(word: &str) -> bool {
    match word.strip_prefix("--") {
        Some(long) => matches!(long, "target-release" | "default-release"),
        None => word.strip_prefix('-').is_some_and(|letters| letters.ends_with('t')),
    }
}

/// A version, a release, or a file.
fn is_pinned(package: &str) -> bool {
    package.contains(['=', '/']) || package.ends_with(".deb")
}
