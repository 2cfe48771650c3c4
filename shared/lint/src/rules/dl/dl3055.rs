//! DL3055: a label that the policy wants to be a git hash is one.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3055",
    level: Level::Warning,
    page: include_str!("dl3055.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Hash),
        formats::is_hash,
        "a git hash; write its 7 or 40 digits in lower case",
    );
}
