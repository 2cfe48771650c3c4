//! DL3030: yum does not ask.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3030",
    level: Level::Warning,
    page: include_str!("dl3030.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let asks = run.script.commands.iter().any(|call| {
        matches!(call.program.as_ref(), "yum")
            && call.has_one_of(&["install", "groupinstall", "localinstall"])
            && !call.has_flag(&["y", "assumeyes"])
    });
    if asks {
        sink.report_run(run, "Add -y: nobody answers in a build.");
    }
}
