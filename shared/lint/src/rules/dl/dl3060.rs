//! DL3060: yarn leaves no cache.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::{is_kept_out, leaves_remains},
    script::Command,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3060", level: Level::Info, page: include_str!("dl3060.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for run in subject.runs() {
        let tidies = |call: &Command<'_>| call.program == "yarn" && call.has_one_of(&["cache", "clean"]);
        let installs = |call: &Command<'_>| call.program == "yarn" && call.has("install") && !tidies(call);
        if leaves_remains(&run.script, installs, tidies)
            && !is_kept_out(run, ".cache/yarn")
            && subject.stays(run)
        {
            sink.report_run(run, "Add yarn cache clean behind it, in the same step.");
        }
    }
}
