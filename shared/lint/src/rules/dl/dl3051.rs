//! DL3051: a label that the policy asks for is not empty.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
    rules::labels,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3051",
    level: Level::Warning,
    page: include_str!("dl3051.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    labels::check_values(here, sink, None, |value| !value.is_empty(), "anything: it is empty");
}
