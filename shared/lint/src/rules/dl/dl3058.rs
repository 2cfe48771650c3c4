//! DL3058: a label that the policy wants to be an e-mail address is one.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3058",
    level: Level::Warning,
    page: include_str!("dl3058.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Email),
        formats::is_email,
        "an e-mail address; write one as in team@example.org (RFC 5322)",
    );
}
