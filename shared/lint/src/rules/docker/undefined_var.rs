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
    let mut met = stages::Met::default();
    // What each stage has defined itself.
    let mut ends: Vec<End<'_>> = Vec::new();
    for stage in subject.file.stages() {
        let base = met.base_of(stage);
        let is_known = match base.and_then(|base| ends.get(base)) {
            Some(base) => base.is_known,
            None => stage.base.as_ref().is_some_and(|base| base.text == "scratch"),
        };
        let mut end = End { defined: HashSet::new(), base, is_known };
        for instruction in subject.file.body(stage) {
            let mut told = HashSet::new();
            let is_arg = instruction.keyword == Keyword::Arg;
            let args: HashSet<&str> = definitions(instruction).filter(|_| is_arg).collect();
            for name in uses(instruction).flat_map(|text| variables::names(text, escape)) {
                let is_wrong = !args.contains(name.as_str())
                    && name != "PATH"
                    && (is_known || defined_somewhere.contains(name.as_str()))
                    && !is_defined(&name, &end, &ends);
                if is_wrong && told.insert(name.clone()) {
                    let message = format!("${name} is not defined here; declare ARG {name} in the stage.");
                    sink.report_at(instruction.line, &instruction.keyword_span, message);
                }
            }
            end.defined.extend(definitions(instruction));
        }
        ends.push(end);
    }
}

/// A stage at its end.
struct End<'a> {
    defined: HashSet<&'a str>,
    /// The stage it stands on.
    base: Option<usize>,
    /// Whether nothing but this file can have defined anything in it.
    is_known: bool,
}

/// Whether this stage, so far, or one below it defines the variable.
fn is_defined(name: &str, here: &End<'_>, ends: &[End<'_>]) -> bool {
    let mut end = Some(here);
    for _ in 0..stages::DEEPEST {
        match end {
            Some(own) if own.defined.contains(name) => return true,
            Some(own) => end = own.base.and_then(|base| ends.get(base)),
            None => return false,
        }
    }
    false
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
