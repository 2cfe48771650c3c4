//! DL3064: the name of an ARG or ENV does not say that it holds a secret.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3064",
    level: Level::Warning,
    page: include_str!("dl3064.md"),
    check: Check::Instructions(&[Keyword::Arg, Keyword::Env], check),
};

/// Parts of a name that say that its value is secret.
const SECRET: [&str; 7] = ["password", "secret", "token", "api_key", "private", "client_key", "username"];
/// Whole names that do.
const NAMES: [&str; 1] = ["aws_access_key_id"];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let instruction = here.instruction;
    // As hadolint has it, only the first name of an ARG counts.
    let count = if instruction.keyword == Keyword::Arg { 1 } else { usize::MAX };
    if let Some(pair) = instruction.pairs().iter().take(count).find(|pair| is_secret(&pair.name.text)) {
        let (keyword, name) = (instruction.keyword, &pair.name.text);
        let message = format!(
            "{keyword} {name} stays readable in the image; mount it: RUN --mount=type=secret,id=<id>."
        );
        sink.report_at(here.line, &pair.name.span, message);
    }
}

fn is_secret(name: &str) -> bool {
    let is = |text: Option<&[u8]>, part: &str| text.is_some_and(|t| t.eq_ignore_ascii_case(part.as_bytes()));
    // Few letters are the first of one.
    let has = |(at, letter): (usize, u8)| {
        let begun =
            SECRET.iter().filter(|part| part.as_bytes().first() == Some(&letter.to_ascii_lowercase()));
        begun.into_iter().any(|part| is(name.as_bytes().get(at..at + part.len()), part))
    };
    name.bytes().enumerate().any(has) || NAMES.iter().any(|whole| name.eq_ignore_ascii_case(whole))
}
