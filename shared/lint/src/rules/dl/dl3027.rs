//! DL3027: apt-get instead of apt.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3027",
    level: Level::Warning,
    page: include_str!("dl3027.md"),
    check: Check::Runs(check),
};

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("apt").next().is_some() {
        sink.report_run(run, "Call apt-get or apt-cache instead of apt.");
    }
}
