//! DL4001: wget or curl.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4001",
    level: Level::Warning,
    page: include_str!("dl4001.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    // What the stage of that number has called so far.
    let (mut stage, mut before) = (0, (false, false));
    for run in subject.runs() {
        let calls = |program| run.script.calls(program).next().is_some();
        let own = (calls("wget"), calls("curl"));
        if stage != run.stage {
            (stage, before) = (run.stage, (false, false));
        }
        let all = match run.when {
            When::Now => (before.0 || own.0, before.1 || own.1),
            When::Deferred => own,
        };
        if (own.0 || own.1) && all == (true, true) {
            sink.report_run(run, "Use wget or curl, not both.");
        }
        if run.when == When::Now {
            before = all;
        }
    }
}
