//! MaintainerDeprecated: no MAINTAINER.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "MaintainerDeprecated",
    level: Level::Ignore,
    page: include_str!("maintainer_deprecated.md"),
    check: Check::Instructions(&[Keyword::Maintainer], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    sink.report_at(
        here.line,
        &here.instruction.keyword_span,
        "Write LABEL org.opencontainers.image.authors=<who>.",
    );
}
