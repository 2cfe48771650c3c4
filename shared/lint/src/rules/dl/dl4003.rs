//! DL4003: one CMD a stage.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4003",
    level: Level::Warning,
    page: include_str!("dl4003.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for later in stages::repeated(subject, Keyword::Cmd) {
        let message = "The stage has a CMD already, which this one overrides; keep one of them.";
        sink.report_at(later.line, &later.keyword_span, message);
    }
}
