//! DL3032: yum leaves no cache.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::{leaves_remains, removes_all},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3032",
    level: Level::Warning,
    page: include_str!("dl3032.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let installs = |call: &Command<'_>| call.program == "yum" && call.has("install");
    let tidies = |call: &Command<'_>| {
        removes_all(call) || (call.program == "yum" && call.has_one_of(&["clean", "all"]))
    };
    if leaves_remains(&run.script, installs, tidies) {
        sink.report_run(run, "Add yum clean all behind it, in the same step.");
    }
}
