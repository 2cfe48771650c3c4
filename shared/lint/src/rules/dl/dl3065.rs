//! DL3065: FROM does not ask for the platform that it gets anyway.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::stages,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3065",
    level: Level::Warning,
    page: include_str!("dl3065.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some((platform, span)) = stages::flag(here.subject, here.instruction, "platform") else { return };
    if here.when == When::Now && matches!(platform, "$TARGETPLATFORM" | "${TARGETPLATFORM}") {
        sink.report_at(
            here.line,
            span,
            "Remove --platform: $TARGETPLATFORM is what a stage is built for anyway.",
        );
    }
}
