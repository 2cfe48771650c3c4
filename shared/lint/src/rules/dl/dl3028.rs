//! DL3028: gems have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3028",
    level: Level::Warning,
    page: include_str!("dl3028.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.calls("gem").flat_map(gems).filter(|name| !name.contains(':')).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(run, format!("Say which version of {names} is meant: {first}:<version>."));
    }
}

/// What a call installs without a flag that says the version: every flag may have a value, and what stands behind `--` is for the
/// compiler.
fn gems<'s>(call: &'s Command<'_>) -> Vec<&'s str> {
    let names_version = call
        .words
        .iter()
        .any(|word| matches!(word.as_ref(), "-v" | "--version") || word.starts_with("--version="));
    if names_version || !call.has_one_of(&["install", "i"]) {
        return Vec::new();
    }
    let mut words = call.words.iter().map(AsRef::as_ref).take_while(|word| *word != "--");
    let mut gems = Vec::new();
    while let Some(word) = words.next() {
        if word.starts_with('-') {
            words.next();
        } else if !matches!(word, "install" | "i") {
            gems.push(word);
        }
    }
    gems
}
