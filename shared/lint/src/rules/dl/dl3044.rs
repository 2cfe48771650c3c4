//! DL3044: eNV does not use a variable that the same instruction defines.

use std::collections::BTreeSet;

use dockerfile::{Instruction, Keyword, Pair};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::quotes,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3044", level: Level::Error, page: include_str!("dl3044.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let is_suspect =
        |env: &Instruction| env.keyword == Keyword::Env && defined_beside(env.pairs()).next().is_some();
    if !subject.file.instructions().any(is_suspect) {
        return;
    }
    let mut known = BTreeSet::new();
    for instruction in subject.file.instructions() {
        let pairs = instruction.pairs();
        match instruction.keyword {
            Keyword::Env => {
                if let Some(name) = defined_beside(pairs).find(|name| !known.contains(name)) {
                    let message =
                        format!("${name} is not set yet in this ENV; define it in one of its own before.");
                    sink.report_at(instruction.line, &instruction.keyword_span, message);
                }
            }
            Keyword::Arg => {}
            _ => continue,
        }
        known.extend(pairs.iter().map(name));
    }
}

/// The variables that one pair uses and another one defines.
fn defined_beside(pairs: &[Pair]) -> impl Iterator<Item = &str> {
    let mut defined: Vec<(&str, usize)> = Vec::new();
    if pairs.len() > 1 && pairs.iter().any(|pair| value(pair).contains('$')) {
        defined.extend(pairs.iter().enumerate().map(|(index, pair)| (name(pair), index)));
        defined.sort_unstable();
    }
    let used = pairs
        .iter()
        .enumerate()
        .flat_map(|(user, pair)| references(value(pair)).map(move |name| (user, name)));
    let is_beside = move |user: usize, name: &str| {
        let from = defined.partition_point(|(own, _)| *own < name);
        // Of the pairs of one name the user may be one.
        let pairs = defined.iter().skip(from).take(2).take_while(|(own, _)| *own == name);
        pairs.into_iter().any(|(_, index)| *index != user)
    };
    used.filter(move |(user, name)| is_beside(*user, name)).map(|(_, name)| name)
}

fn name(pair: &Pair) -> &str {
    quotes::bare(&pair.name.text)
}

fn value(pair: &Pair) -> &str {
    pair.value.as_ref().map_or("", |value| value.text.as_str())
}

/// The names behind `$` and in `${…}`, escaped or not.
fn references(value: &str) -> impl Iterator<Item = &str> {
    value.split('$').skip(1).filter_map(|behind| match behind.strip_prefix('{') {
        Some(braced) => braced.split_once('}').map(|(name, _)| name),
        None => behind.split(|c: char| !c.is_alphanumeric() && c != '_').next(),
    })
}
