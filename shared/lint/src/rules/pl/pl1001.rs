//! PL1001: no secret in ARG or ENV.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "PL1001",
    level: Level::Error,
    page: include_str!("pl1001.md"),
    check: Check::Instructions(&[Keyword::Arg, Keyword::Env], check),
};

/// Words of a name that say that its value is secret.
const SECRET: [&str; 16] = [
    "apikey",
    "auth",
    "credential",
    "credentials",
    "cred",
    "creds",
    "key",
    "pass",
    "passwd",
    "password",
    "pword",
    "pwd",
    "secret",
    "secrets",
    "token",
    "passphrase",
];
/// Words that say that it is none.
const OPEN: [&str; 1] = ["public"];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    for pair in here.instruction.pairs().iter().filter(|pair| is_secret(&pair.name.text)) {
        let (keyword, name) = (here.instruction.keyword, &pair.name.text);
        sink.report(
            here.line,
            format!(
                "{keyword} {name} stays readable in the image; mount it instead: RUN --mount=type=secret,id=<id>."
            ),
        );
    }
}

fn is_secret(name: &str) -> bool {
    let has = |words: &[&str]| {
        name.split(['_', '-', '.']).any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    has(&SECRET) && !has(&OPEN)
}
