//! RedundantTargetPlatform: no default platform.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "RedundantTargetPlatform",
    level: Level::Ignore,
    page: include_str!("redundant_target_platform.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    for flag in here.instruction.flags_named("platform") {
        if matches!(flag.value.as_deref(), Some("$TARGETPLATFORM" | "${TARGETPLATFORM}")) {
            sink.report_at(here.line, &flag.span, "Remove the flag: it says what holds anyway.");
        }
    }
}
