//! StageNameCasing: stage names in lower case.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "StageNameCasing",
    level: Level::Ignore,
    page: include_str!("stage_name_casing.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(word) = here.instruction.words().get(2) else { return };
    if word.text.chars().any(char::is_uppercase) {
        let message = format!("Write {} instead of {}.", word.text.to_lowercase(), word.text);
        sink.report_at(here.line, &word.span, message);
    }
}
