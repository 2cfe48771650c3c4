//! DL3056: a label that the policy wants to be a semantic version is one.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3056",
    level: Level::Warning,
    page: include_str!("dl3056.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Semver),
        formats::is_version,
        "a semantic version; write one as in 1.2.3",
    );
}
