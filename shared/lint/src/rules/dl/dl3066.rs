//! DL3066: uSER is a number, so that the host knows who it is.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3066",
    level: Level::Info,
    page: include_str!("dl3066.md"),
    check: Check::Instructions(&[Keyword::User], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(text) = here.instruction.text().filter(|_| here.when == When::Now) else { return };
    let user = text.text.split(':').next().unwrap_or_default();
    if !user.bytes().all(|b| b.is_ascii_digit()) {
        let message =
            format!("Write the number of {user}: the host, and Kubernetes' runAsNonRoot, know no names.");
        sink.report_at(here.line, &text.span, message);
    }
}
