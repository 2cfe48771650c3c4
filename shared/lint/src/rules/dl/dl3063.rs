//! DL3063: a stage is not called by a name that builders keep for themselves.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3063",
    level: Level::Warning,
    page: include_str!("dl3063.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        if let Some(name @ ("scratch" | "context")) = stage.name.as_deref() {
            sink.report(stage.line, format!("{name} has a meaning of its own; give the stage another name."));
        }
    }
}
