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

/// Words of a name that say that its value is secret: those of that many letters.
fn secret_words(length: usize) -> &'static [&'static str] {
    match length {
        3 => &["key", "pwd"],
        4 => &["auth", "cred", "pass"],
        5 => &["creds", "pword", "token"],
        6 => &["apikey", "passwd", "secret"],
        7 => &["secrets"],
        8 => &["password"],
        10 => &["credential", "passphrase"],
        11 => &["credentials"],
        _ => &[],
    }
}

/// A word that says that it is none.
const OPEN: &str = "public";

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
    let mut words = name.as_bytes().split(|byte| matches!(byte, b'_' | b'-' | b'.'));
    let is = |word: &[u8], other: &str| word.eq_ignore_ascii_case(other.as_bytes());
    words.clone().any(|word| secret_words(word.len()).iter().any(|secret| is(word, secret)))
        && !words.any(|word| is(word, OPEN))
}
