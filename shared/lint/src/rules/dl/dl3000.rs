//! DL3000: WORKDIR is absolute.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3000",
    level: Level::Error,
    page: include_str!("dl3000.md"),
    check: Check::Instructions(&[Keyword::Workdir], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(path) = here.instruction.text().map(|path| path.text.trim_matches(['"', '\''])) else { return };
    if !is_absolute(path) {
        sink.report(
            here.line,
            format!("WORKDIR {path} depends on what the base image has set; write the path from / on."),
        );
    }
}

/// From the root, from a variable, or from a Windows drive.
fn is_absolute(path: &str) -> bool {
    let mut characters = path.chars();
    match (characters.next(), characters.next()) {
        (Some('/' | '$'), _) => true,
        (Some(drive), Some(':')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}
