//! DL4004: one ENTRYPOINT a stage.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL4004", level: Level::Error, page: include_str!("dl4004.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for later in stages::repeated(subject, Keyword::Entrypoint) {
        let message = "The stage has an ENTRYPOINT already, which this one overrides; keep one of them.";
        sink.report_at(later.line, &later.keyword_span, message);
    }
}
