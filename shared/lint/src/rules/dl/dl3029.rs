//! DL3029: FROM does not fix the platform.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::stages,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3029",
    level: Level::Warning,
    page: include_str!("dl3029.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some((platform, span)) = stages::flag(here.subject, here.instruction, "platform") else { return };
    // These follow the build: the platform that builds, or the one that is built for.
    let follows = platform.contains("BUILDPLATFORM") || platform.contains("TARGETPLATFORM");
    if here.when == When::Now && !follows {
        let message =
            "Leave the platform to whoever builds: docker build --platform, or $BUILDPLATFORM here.";
        sink.report_at(here.line, span, message);
    }
}
