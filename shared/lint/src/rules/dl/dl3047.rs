//! DL3047: wget draws no progress bar.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3047", level: Level::Info, page: include_str!("dl3047.md"), check: Check::Runs(check) };

/// What keeps the bar out of the log, or the log out of the build's.
const QUIET: [&str; 8] = ["q", "quiet", "no-verbose", "progress", "o", "output-file", "a", "append-output"];

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("wget").any(|call| !call.has_flag(&QUIET) && !call.has("-nv")) {
        sink.report_run(run, "Add --progress=dot:giga or -nv.");
    }
}
