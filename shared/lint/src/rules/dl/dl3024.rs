//! DL3024: no two stages have the same name.

use std::collections::BTreeSet;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3024", level: Level::Error, page: include_str!("dl3024.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut names = BTreeSet::new();
    for stage in subject.file.stages() {
        if let Some(name) = stage.name.as_deref().filter(|name| !names.insert(*name)) {
            sink.report(
                stage.line,
                format!("A stage above is called {name} already; give this one another name."),
            );
        }
    }
}
