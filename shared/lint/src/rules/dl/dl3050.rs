//! DL3050: under strict labels, only the labels of the schema are set.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::labels,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3050",
    level: Level::Info,
    page: include_str!("dl3050.md"),
    check: Check::Instructions(&[Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let policy = sink.policy;
    if !policy.strict_labels || here.when == When::Deferred {
        return;
    }
    let mut pairs = here.instruction.pairs().iter();
    if let Some(pair) = pairs.find(|pair| !policy.label_schema.contains_key(labels::name(pair))) {
        let message = format!("{} is no label of the schema; remove it.", labels::name(pair));
        sink.report_at(here.line, &pair.name.span, message);
    }
}
