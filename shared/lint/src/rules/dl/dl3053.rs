//! DL3053: a label that the policy wants to be a time is one.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3053",
    level: Level::Warning,
    page: include_str!("dl3053.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Rfc3339),
        formats::is_time,
        "a time; write one as in 2025-01-31T12:00:00Z (RFC 3339)",
    );
}
