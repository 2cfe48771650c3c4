//! DL3003: WORKDIR instead of cd.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3003",
    level: Level::Warning,
    page: include_str!("dl3003.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("cd").next().is_some() {
        sink.report_run(run, "Replace cd by a WORKDIR before the step.");
    }
}
