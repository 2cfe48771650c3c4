//! ExposeInvalidFormat: EXPOSE has no host.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "ExposeInvalidFormat",
    level: Level::Ignore,
    page: include_str!("expose_invalid_format.md"),
    check: Check::Instructions(&[Keyword::Expose], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    for word in here.instruction.words() {
        let host = word.text.rsplit_once(':').map(|(host, _)| host);
        if host.is_some_and(|host| !host.is_empty()) {
            let port = word.text.rsplit(':').next().unwrap_or_default();
            sink.report_at(
                here.line,
                &word.span,
                format!("Write EXPOSE {port}: the host is not known here."),
            );
        }
    }
}
