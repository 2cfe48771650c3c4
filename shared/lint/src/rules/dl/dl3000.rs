//! DL3000: WORKDIR is absolute.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::{paths, quotes},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3000",
    level: Level::Error,
    page: include_str!("dl3000.md"),
    check: Check::Instructions(&[Keyword::Workdir], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(text) = here.instruction.text().filter(|_| here.when == When::Now) else { return };
    let path = quotes::bare(&text.text);
    if !paths::is_absolute(path) {
        sink.report(
            here.line,
            format!("WORKDIR {path} depends on what the base image has set; write the path from / on."),
        );
    }
}
