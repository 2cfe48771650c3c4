//! DL1001: the file does not silence rules.

use crate::{
    finding::Level,
    pragma::{Pragma, Scope},
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL1001", level: Level::Ignore, page: include_str!("dl1001.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    // As hadolint has it, only comments about the next line count.
    let silences = |text: &str| Pragma::of(text).is_some_and(|pragma| pragma.scope == Scope::NextLine);
    for comment in subject.file.comments().filter(|comment| silences(&comment.text)) {
        sink.report_at(comment.line, &comment.span, "Remove the comment, and put right what it silences.");
    }
}
