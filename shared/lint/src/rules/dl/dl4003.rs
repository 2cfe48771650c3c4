//! DL4003: one CMD a stage.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4003",
    level: Level::Warning,
    page: include_str!("dl4003.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        let all = subject.file.body(stage).filter(|instruction| instruction.keyword == Keyword::Cmd);
        for later in all.skip(1) {
            sink.report(
                later.line,
                "The stage has a CMD already, which this one overrides; keep one of them.",
            );
        }
    }
}
