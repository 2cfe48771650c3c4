//! DL4005: SHELL instead of a link.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4005",
    level: Level::Warning,
    page: include_str!("dl4005.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("ln").any(|call| call.has("/bin/sh")) {
        sink.report_run(run, "Set the shell with SHELL [\"/bin/bash\", \"-c\"].");
    }
}
