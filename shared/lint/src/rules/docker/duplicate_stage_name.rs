//! DuplicateStageName: stage names are unique.

use std::collections::HashSet;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DuplicateStageName",
    level: Level::Ignore,
    page: include_str!("duplicate_stage_name.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut names = HashSet::new();
    for stage in subject.file.stages() {
        if let Some(name) = stage.name.as_deref().filter(|name| !names.insert(name.to_ascii_lowercase())) {
            sink.report(stage.line, format!("Give this stage another name: {name} is taken."));
        }
    }
}
