//! DL3062: Go programs have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3062",
    level: Level::Warning,
    page: include_str!("dl3062.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.calls("go").flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        let name = first.trim_end_matches("@latest");
        sink.report_run(run, format!("Say which version of {names} is meant: {name}@<version>."));
    }
}

/// What a call fetches: all that `install` and `get` name; of `run` the first, since the rest is for the program.
fn packages<'s>(call: &'s Command<'_>) -> impl Iterator<Item = &'s str> {
    let count = match (call.has_one_of(&["install", "get"]), call.has("run")) {
        (true, _) => usize::MAX,
        (false, true) => 1,
        (false, false) => 0,
    };
    let is_verb =
        move |word: &str| matches!(word, "install" | "get" | "tool") || (count == 1 && word == "run");
    call.operands().filter(move |word| !is_verb(word)).take(count)
}

/// A version that stays, or a path.
fn is_pinned(package: &str) -> bool {
    match package.rsplit_once('@') {
        Some((_, version)) => !matches!(version, "latest" | "none"),
        None => package.starts_with(['.', '/']),
    }
}
