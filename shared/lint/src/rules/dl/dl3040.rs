//! DL3040: dnf leaves no cache.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::{is_kept_out, leaves_remains, removes_all},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3040",
    level: Level::Warning,
    page: include_str!("dl3040.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let remains = ["dnf", "microdnf"].into_iter().any(|program| {
        let installs = |call: &Command<'_>| {
            call.program == program
                && call.has_one_of(&["install", "upgrade", "upgrade-minimal", "reinstall"])
        };
        let tidies = |call: &Command<'_>| {
            removes_all(call) || (call.program == program && call.has_one_of(&["clean", "all"]))
        };
        leaves_remains(&run.script, installs, tidies)
    });
    if remains && !is_kept_out(run, "/var/cache/libdnf5") {
        sink.report_run(run, "Add dnf clean all behind it, in the same step.");
    }
}
