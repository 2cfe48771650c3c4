//! DL3043: oNBUILD defers neither FROM nor MAINTAINER nor another ONBUILD.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3043",
    level: Level::Error,
    page: include_str!("dl3043.md"),
    check: Check::Instructions(&[Keyword::Onbuild], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(trigger) = here.instruction.trigger().filter(|_| here.when == When::Now) else { return };
    if matches!(trigger.keyword, Keyword::Onbuild | Keyword::From | Keyword::Maintainer) {
        let message = format!("{} cannot be deferred; remove ONBUILD or the line.", trigger.keyword);
        sink.report_at(here.line, &trigger.keyword_span, message);
    }
}
