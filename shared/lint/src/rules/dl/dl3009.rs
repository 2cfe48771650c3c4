//! DL3009: package lists do not stay in the image.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::{is_kept_out, removes_all},
    script::Command,
    subject::{Run, Subject},
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3009", level: Level::Info, page: include_str!("dl3009.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for run in subject.runs() {
        let calls = |command: &Command<'_>| {
            matches!(command.program.as_ref(), "apt-get" | "apt" | "aptitude") && command.has("update")
        };
        let fetches = run.script.commands.iter().any(calls);
        if fetches && !is_tidy(run) && subject.stays(run) {
            sink.report_run(run, "Remove the package lists in the same step: rm -rf /var/lib/apt/lists/*.");
        }
    }
}

fn is_tidy(run: &Run<'_>) -> bool {
    let removes = |command: &Command<'_>| removes_all(command) || command.has("/var/lib/apt/lists/*");
    is_kept_out(run, "/var/lib/apt/lists")
        || (is_kept_out(run, "/var/lib/apt") && is_kept_out(run, "/var/cache/apt"))
        || run.script.calls("rm").any(removes)
}
