//! DL3003: WORKDIR instead of cd.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3003",
    level: Level::Warning,
    page: include_str!("dl3003.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    // A WORKDIR in an image that others build on would be theirs.
    if run.when == When::Now && run.script.calls("cd").next().is_some() {
        sink.report_run(run, "Replace cd by a WORKDIR before the step.");
    }
}
