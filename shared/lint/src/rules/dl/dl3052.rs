//! DL3052: a label that the policy wants to be a URL is one.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3052",
    level: Level::Warning,
    page: include_str!("dl3052.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Url),
        formats::is_url,
        "a URL; write one as in https://example.org/docs",
    );
}
