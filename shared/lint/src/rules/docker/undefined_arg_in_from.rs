//! UndefinedArgInFrom: ARGs in FROM are declared.

use std::collections::HashSet;

use dockerfile::{Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::docker::variables,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "UndefinedArgInFrom",
    level: Level::Ignore,
    page: include_str!("undefined_arg_in_from.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let escape = subject.file.escape().as_char();
    let globals = subject.file.global_arguments().flat_map(Instruction::pairs);
    let declared: HashSet<&str> = globals.map(|pair| pair.name.text.as_str()).collect();
    let is_declared = |name: &String| variables::is_predefined(name) || declared.contains(name.as_str());
    for from in subject.file.instructions().filter(|instruction| instruction.keyword == Keyword::From) {
        let base = from.words().first().map(|word| (word.text.as_str(), &word.span));
        let platform =
            from.flags_named("platform").find_map(|flag| Some((flag.value.as_deref()?, &flag.span)));
        for (text, span) in base.into_iter().chain(platform) {
            for name in variables::names(text, escape).into_iter().filter(|name| !is_declared(name)) {
                sink.report_at(from.line, span, format!("Declare ARG {name} before the first FROM."));
            }
        }
    }
}
