//! DL3048: the name of a label is made of lower-case letters, digits, dots and dashes, and is nobody else's.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::labels,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3048",
    level: Level::Style,
    page: include_str!("dl3048.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

/// Names that Docker keeps for itself.
const RESERVED: [&str; 3] = ["com.docker.", "io.docker.", "org.dockerproject."];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    if let Some(pair) = here.instruction.pairs().iter().find(|pair| !is_sound(labels::name(pair))) {
        let message = format!(
            "{} is no good name; write lower-case letters, digits, dots and dashes, as in org.example.team.",
            labels::name(pair)
        );
        sink.report_at(here.line, &pair.name.span, message);
    }
}

fn is_sound(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.ends_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-/".contains(&b))
        && !name.contains("..")
        && !name.contains("--")
        && !RESERVED.iter().any(|reserved| name.starts_with(reserved))
}
