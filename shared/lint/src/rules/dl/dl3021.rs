//! DL3021: COPY of several sources has a folder as its target, written with a slash at its end.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::paths::{self, Paths},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3021",
    level: Level::Error,
    page: include_str!("dl3021.md"),
    check: Check::Instructions(&[Keyword::Copy], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    let Some(Paths { sources, target }) = paths::of(here.instruction) else { return };
    if sources > 1 && !target.ends_with('/') {
        let message = format!("Several sources need a folder: write {target}/ as the target.");
        sink.report_at(here.line, &here.instruction.keyword_span, message);
    }
}
