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
    // What the stage of that number has called so far; and what ONBUILD has deferred, which is one stage to be.
    let (mut stage, mut now, mut deferred) = (0, Called::default(), Called::default());
    for run in subject.runs() {
        let calls = |program| run.script.calls(program).next().is_some();
        let own = Called { wget: calls("wget"), curl: calls("curl") };
        if stage != run.stage {
            (stage, now) = (run.stage, Called::default());
        }
        let all = match run.when {
            When::Now => &mut now,
            When::Deferred => &mut deferred,
        };
        all.wget |= own.wget;
        all.curl |= own.curl;
        if (own.wget || own.curl) && all.wget && all.curl {
            sink.report_run(run, "Use wget or curl, not both.");
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Called {
    wget: bool,
    curl: bool,
}
