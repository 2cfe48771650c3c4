//! DL3054: a label that the policy wants to be a licence names one of the SPDX list.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    policy::LabelFormat,
    rule::{Check, Here, Rule, Sink},
    rules::{formats, labels},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3054",
    level: Level::Warning,
    page: include_str!("dl3054.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(
        here,
        sink,
        Some(LabelFormat::Spdx),
        formats::is_license,
        "a licence of the SPDX list; write its identifier, as in Apache-2.0",
    );
}
