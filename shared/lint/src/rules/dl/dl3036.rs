//! DL3036: zypper leaves no cache.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::{is_kept_out, leaves_remains},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3036",
    level: Level::Warning,
    page: include_str!("dl3036.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let zypper = |call: &Command<'_>, words: &[&str]| call.program == "zypper" && call.has_one_of(words);
    let remains = leaves_remains(
        &run.script,
        |call| zypper(call, &["install", "in"]),
        |call| zypper(call, &["clean", "cc"]),
    );
    if remains && !is_kept_out(run, "/var/cache/zypp") {
        sink.report_run(run, "Add zypper clean behind it, in the same step.");
    }
}
