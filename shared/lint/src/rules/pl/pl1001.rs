//! PL1001: no secret in ARG or ENV.

use dockerfile::{Keyword, Pair, Word};

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
    for pair in here.instruction.pairs().iter().filter(|pair| {
        is_secret(&pair.name.text) && !is_empty(pair, here.instruction.keyword) && !is_fingerprint(pair)
    }) {
        let (keyword, name) = (here.instruction.keyword, &pair.name.text);
        sink.report(
            here.line,
            format!(
                "{keyword} {name} stays readable in the image; mount it instead: RUN --mount=type=secret,id=<id>."
            ),
        );
    }
}

/// `ENV NAME=`: what is emptied holds nothing. An ARG that is emptied takes its value from whoever builds.
fn is_empty(pair: &Pair, keyword: Keyword) -> bool {
    let is_nothing = |value: &Word| value.text.trim_matches(['"', '\'']).is_empty();
    keyword == Keyword::Env && pair.value.as_ref().is_some_and(is_nothing)
}

/// A public key by its number, as images name the keys that they hold downloads to: `GPG_KEY` and what gpg calls a fingerprint or key id.
fn is_fingerprint(pair: &Pair) -> bool {
    // No passphrase, and no private key.
    let is_key = |word: &str| word.eq_ignore_ascii_case("key");
    if words(&pair.name.text)
        .any(|word| is_secret_word(word) && !is_key(word) || word.eq_ignore_ascii_case("private"))
    {
        return false;
    }
    let names_gpg =
        words(&pair.name.text).any(|word| ["gpg", "pgp"].iter().any(|name| word.eq_ignore_ascii_case(name)));
    let is_number = |word: &str| {
        let digits = word.strip_prefix("0x").unwrap_or(word);
        [8, 16, 40, 64].contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let mut numbers = pair
        .value
        .iter()
        .flat_map(|value| value.text.trim_matches(['"', '\'']).split_whitespace())
        .peekable();
    names_gpg && numbers.peek().is_some() && numbers.all(is_number)
}

/// The words that a name consists of.
fn words(name: &str) -> impl Iterator<Item = &str> + Clone {
    name.split(['_', '-', '.'])
}

fn is_secret_word(word: &str) -> bool {
    secret_words(word.len()).iter().any(|secret| word.eq_ignore_ascii_case(secret))
}

fn is_secret(name: &str) -> bool {
    let mut words = words(name);
    words.clone().any(is_secret_word) && !words.any(|word| word.eq_ignore_ascii_case(OPEN))
}
