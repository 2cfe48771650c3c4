//! DL3012: a stage has one HEALTHCHECK; of several, all but the last are without effect.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3012", level: Level::Error, page: include_str!("dl3012.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for later in stages::repeated(subject, Keyword::Healthcheck) {
        let message = "The stage has a HEALTHCHECK already, which this one overrides; keep one of them.";
        sink.report_at(later.line, &later.keyword_span, message);
    }
}
