//! DL3013: packages from PyPI have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::pip,
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3013",
    level: Level::Warning,
    page: include_str!("dl3013.md"),
    check: Check::Runs(check),
};

/// Flags whose value is the next word.
const TAKE_VALUE: [&str; 25] = [
    "abi",
    "b",
    "build",
    "e",
    "editable",
    "extra-index-url",
    "f",
    "find-links",
    "i",
    "implementation",
    "index-url",
    "no-binary",
    "only-binary",
    "platform",
    "prefix",
    "progress-bar",
    "proxy",
    "python",
    "python-version",
    "root",
    "src",
    "t",
    "target",
    "trusted-host",
    "upgrade-strategy",
];
/// What compares a version.
const COMPARISONS: [&str; 6] = ["==", "<", ">", "~=", "!=", "==="];
/// Repositories, which are pinned by what stands behind an `@`.
const REPOSITORIES: [&str; 5] = ["git+", "hg+", "svn+", "bzr+", "git://"];

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let unpinned: Vec<&str> =
        run.script.commands.iter().flat_map(packages).filter(|name| !is_pinned(name)).collect();
    if let Some(first) = unpinned.first() {
        let names = unpinned.join(", ");
        sink.report_run(
            run,
            format!("Say which version of {names} is meant: {first}==<version>, or -r <file>."),
        );
    }
}

/// What a call of pip installs by name alone. A file of requirements or constraints, or the folder itself, says the versions of all.
fn packages<'s>(call: &'s Command<'_>) -> Vec<&'s str> {
    let installs = pip::is_pip(call) && call.program != "pipenv" && call.has("install");
    let named_elsewhere =
        || call.has_one_of(&["-r", "--requirement", "."]) || call.has_flag(&["c", "constraint"]);
    if !(installs || pip::is_module(call)) || named_elsewhere() {
        return Vec::new();
    }
    let behind = call.operands_besides(&TAKE_VALUE).skip_while(|word| *word != "install");
    behind.skip_while(|word| *word == "install").collect()
}

fn is_pinned(package: &str) -> bool {
    if REPOSITORIES.iter().any(|scheme| package.starts_with(scheme)) {
        return package.contains('@');
    }
    COMPARISONS.iter().any(|sign| package.contains(sign))
        || package.contains('/')
        || package.ends_with(".whl")
        || package.ends_with(".tar.gz")
}
