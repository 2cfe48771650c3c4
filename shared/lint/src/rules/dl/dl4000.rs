//! DL4000: MAINTAINER is gone.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL4000",
    level: Level::Error,
    page: include_str!("dl4000.md"),
    check: Check::Instructions(&[Keyword::Maintainer], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Now {
        sink.report_at(
            here.line,
            &here.instruction.keyword_span,
            "MAINTAINER is deprecated; write LABEL org.opencontainers.image.authors=<who>.",
        );
    }
}
