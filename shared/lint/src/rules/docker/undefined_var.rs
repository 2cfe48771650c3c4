//! UndefinedVar: variables are defined before they are used.

use std::collections::HashSet;

use dockerfile::{Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::docker::{stages, variables},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "UndefinedVar",
    level: Level::Ignore,
    page: include_str!("undefined_var.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let escape = subject.file.escape().as_char();
    let defined_somewhere: HashSet<&str> = subject.file.instructions().flat_map(definitions).collect();
    let stages = subject.file.stages();
    // By stage: what it has defined, and whether nothing else can have defined anything.
    let mut ends: Vec<(HashSet<&str>, bool)> = Vec::new();
    for stage in stages {
        let inherited = stages::base_of(stages, stage).and_then(|base| ends.get(base)).cloned();
        let is_empty = stage.base.as_ref().is_some_and(|base| base.text == "scratch");
        let (mut defined, is_known) = inherited.unwrap_or((HashSet::new(), is_empty));
        for instruction in subject.file.body(stage) {
            let mut told = HashSet::new();
            for name in uses(instruction).flat_map(|text| variables::names(text, escape)) {
                let own =
                    instruction.keyword == Keyword::Arg && definitions(instruction).any(|arg| arg == name);
                let is_wrong = !defined.contains(name.as_str())
                    && !own
                    && name != "PATH"
                    && (is_known || defined_somewhere.contains(name.as_str()));
                if is_wrong && told.insert(name.clone()) {
                    let message = format!("${name} is not defined here; declare ARG {name} in the stage.");
                    sink.report_at(instruction.line, &instruction.keyword_span, message);
                }
            }
            defined.extend(definitions(instruction));
        }
        ends.push((defined, is_known));
    }
}

fn definitions(instruction: &Instruction) -> impl Iterator<Item = &str> {
    let defines = matches!(instruction.keyword, Keyword::Arg | Keyword::Env);
    instruction.pairs().iter().filter(move |_| defines).map(|pair| pair.name.text.as_str())
}

/// The texts of an instruction in which the builder itself expands variables.
fn uses(instruction: &Instruction) -> impl Iterator<Item = &str> {
    let expands = matches!(
        instruction.keyword,
        Keyword::Add
            | Keyword::Arg
            | Keyword::Copy
            | Keyword::Env
            | Keyword::Label
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Volume
            | Keyword::Workdir
    );
    let words = instruction.words().iter().chain(instruction.text());
    let values = instruction.pairs().iter().filter_map(|pair| pair.value.as_ref());
    words.chain(values).map(|word| word.text.as_str()).filter(move |_| expands)
}
