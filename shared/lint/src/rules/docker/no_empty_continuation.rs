//! NoEmptyContinuation: no empty line inside an instruction.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "NoEmptyContinuation",
    level: Level::Ignore,
    page: include_str!("no_empty_continuation.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for instruction in subject.file.instructions() {
        let end = instruction.heredocs.first().map_or(instruction.last_line + 1, |heredoc| heredoc.line);
        let lines = subject.file.source(&instruction.span).lines().take(end.saturating_sub(instruction.line));
        if lines.clone().any(|line| line.trim().is_empty()) {
            sink.report(end.saturating_sub(1), "Remove the empty line inside the instruction.");
        }
    }
}
