//! DL3044: eNV does not use a variable that the same instruction defines.

use std::collections::{HashMap, HashSet};

use dockerfile::{Keyword, Pair};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3044", level: Level::Error, page: include_str!("dl3044.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut known = HashSet::new();
    for instruction in subject.file.instructions() {
        let pairs = instruction.pairs();
        match instruction.keyword {
            Keyword::Env => {
                if let Some(name) = too_early(pairs, &known) {
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

/// The first variable that one pair uses and another one defines, and that nothing has defined before.
fn too_early<'a>(pairs: &'a [Pair], known: &HashSet<&str>) -> Option<&'a str> {
    if pairs.len() < 2 || !pairs.iter().any(|pair| value(pair).contains('$')) {
        return None;
    }
    let mut defined: HashMap<&str, (usize, usize)> = HashMap::new();
    for (index, pair) in pairs.iter().enumerate() {
        defined.entry(name(pair)).or_insert((index, index)).1 = index;
    }
    let elsewhere = |user: usize, name: &str| defined.get(name).is_some_and(|places| *places != (user, user));
    let early = |(user, pair): (usize, &'a Pair)| {
        references(value(pair)).find(|name| !known.contains(name) && elsewhere(user, name))
    };
    pairs.iter().enumerate().find_map(early)
}

fn name(pair: &Pair) -> &str {
    pair.name.text.trim_matches(['"', '\''])
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
