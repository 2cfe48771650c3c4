//! MultipleInstructionsDisallowed: one of each.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "MultipleInstructionsDisallowed",
    level: Level::Ignore,
    page: include_str!("multiple_instructions_disallowed.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        for keyword in [Keyword::Cmd, Keyword::Entrypoint, Keyword::Healthcheck] {
            let mut own =
                subject.file.body(stage).filter(|instruction| instruction.keyword == keyword).peekable();
            while let Some(instruction) = own.next() {
                if own.peek().is_some() {
                    let message = format!("Remove this {keyword}: a later one in the stage takes its place.");
                    sink.report_at(instruction.line, &instruction.keyword_span, message);
                }
            }
        }
    }
}
