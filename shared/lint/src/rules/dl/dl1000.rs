//! DL1000: the file can be read.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL1000", level: Level::Error, page: include_str!("dl1000.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for error in subject.file.errors() {
        let hint = error.hint();
        let stop = if hint.ends_with('?') { "" } else { "." };
        sink.report_at(error.line, &error.span, format!("Put it right: {}; {hint}{stop}", error.kind));
    }
}
