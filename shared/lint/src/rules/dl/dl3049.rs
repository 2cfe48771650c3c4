//! DL3049: every stage that may be shipped has the labels that the policy asks for.

use std::collections::HashMap;

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::{image::Image, labels, stages},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3049", level: Level::Info, page: include_str!("dl3049.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for label in sink.policy.label_schema.keys() {
        for line in missing(subject, label) {
            sink.report(line, format!("Nothing sets the label {label}; write LABEL {label}=<value>."));
        }
    }
}

/// A stage and whether it has the label or needs none.
#[derive(Debug)]
struct Stage<'a> {
    line: usize,
    name: Option<&'a str>,
    base: &'a str,
    has: bool,
}

/// The lines of the stages without the label, as hadolint sees them: a stage inherits it from the one that it stands on, and
/// needs none if files are copied from it or if an unnamed stage right on it has the label.
fn missing(subject: &Subject<'_>, label: &str) -> Vec<usize> {
    let mut all: Vec<Stage<'_>> = Vec::new();
    // The stages that nothing has excused yet.
    let mut named: HashMap<&str, Vec<usize>> = HashMap::new();
    let mut inherited: HashMap<&str, ()> = HashMap::new();
    let mut excused: Vec<&str> = Vec::new();
    for instruction in subject.file.instructions() {
        match (instruction.keyword, all.last_mut()) {
            (Keyword::From, _) => {
                let base = instruction.words().first().map_or("", |base| Image::of(&base.text).name);
                let (line, name) = (instruction.line, stages::name(instruction));
                let has = inherited.contains_key(base);
                if let Some(name) = name.filter(|_| has) {
                    inherited.insert(name, ());
                }
                if let Some(name) = name {
                    named.entry(name).or_default().push(all.len());
                }
                all.push(Stage { line, name, base, has });
            }
            (Keyword::Label, Some(stage))
                if instruction.pairs().iter().any(|pair| labels::name(pair) == label) =>
            {
                stage.has = true;
                excused.push(stage.name.unwrap_or(stage.base));
                if let Some(name) = stage.name {
                    inherited.insert(name, ());
                }
            }
            (Keyword::Copy, Some(_)) => {
                excused.extend(stages::copied_from(subject, instruction).map(|(from, _)| from));
            }
            _ => {}
        }
        // Only stages that stand above are excused.
        for name in excused.drain(..) {
            for index in named.remove(name).unwrap_or_default() {
                if let Some(stage) = all.get_mut(index) {
                    stage.has = true;
                }
            }
        }
    }
    all.into_iter().filter(|stage| !stage.has).map(|stage| stage.line).collect()
}
