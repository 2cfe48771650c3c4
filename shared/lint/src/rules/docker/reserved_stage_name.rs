//! ReservedStageName: no reserved stage names.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "ReservedStageName",
    level: Level::Ignore,
    page: include_str!("reserved_stage_name.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        let is_reserved =
            |name: &&str| ["scratch", "context"].iter().any(|word| word.eq_ignore_ascii_case(name));
        if let Some(name) = stage.name.as_deref().filter(is_reserved) {
            sink.report(stage.line, format!("Give this stage another name: {name} is reserved."));
        }
    }
}
