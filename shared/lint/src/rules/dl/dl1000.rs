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
        sink.report(error.line, format!("Put it right: {}; {}.", error.kind, error.hint()));
    }
}
