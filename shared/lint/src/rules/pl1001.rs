//! PL1001: no secret in ARG or ENV.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "PL1001",
    level: Level::Error,
    summary: "ARG and ENV hold no secrets: both stay readable in the image.",
    bad: "FROM alpine:3.20\nARG API_TOKEN\n",
    good: "FROM alpine:3.20\nRUN --mount=type=secret,id=api_token ./fetch\n",
    check,
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

fn check(file: &Dockerfile) -> Vec<Found> {
    let mut found = Vec::new();
    for instruction in file.instructions() {
        let inner = instruction.trigger().unwrap_or(instruction);
        if !matches!(inner.keyword, Keyword::Arg | Keyword::Env) {
            continue;
        }
        for pair in inner.pairs().iter().filter(|pair| is_secret(&pair.name.text)) {
            let (keyword, name) = (inner.keyword, &pair.name.text);
            let message = format!(
                "{keyword} {name} stays readable in the image; mount it instead: RUN --mount=type=secret,id=<id>."
            );
            found.push(Found::new(instruction.line, message));
        }
    }
    found
}

fn is_secret(name: &str) -> bool {
    let has = |words: &[&str]| {
        name.split(['_', '-', '.']).any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    has(&SECRET) && !has(&OPEN)
}
