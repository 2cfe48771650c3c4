//! FromAsCasing: FROM and AS agree.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "FromAsCasing",
    level: Level::Ignore,
    page: include_str!("from_as_casing.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let from = here.subject.file.source(&here.instruction.keyword_span);
    let Some(word) = here.instruction.words().get(1) else { return };
    let wanted = match from {
        "from" => "as",
        "FROM" => "AS",
        // Its own case is another check's business.
        _ => return,
    };
    if word.text != wanted {
        sink.report_at(here.line, &word.span, format!("Write {wanted} behind {from}."));
    }
}
