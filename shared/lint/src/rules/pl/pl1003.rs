//! PL1003: comments that silence rules say why, where the policy wants it.

use crate::{
    finding::Level,
    policy::Silencing,
    pragma::Pragma,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "PL1003",
    level: Level::Warning,
    page: include_str!("pl1003.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let silencing = sink.policy.silencing;
    if silencing == Silencing::Heard {
        return;
    }
    for comment in subject.file.comments() {
        let Some(pragma) = Pragma::of(&comment.text) else { continue };
        let message = match silencing {
            Silencing::Heard => continue,
            Silencing::WithReason if !pragma.reason.is_empty() => continue,
            Silencing::WithReason => {
                "The comment silences nothing until it says why: # hadolint ignore=<code> # <reason>."
            }
            Silencing::Forbidden => {
                "The comment silences nothing: the policy does not allow it. Ask for an exception there."
            }
        };
        sink.report_at(comment.line, &comment.span, message);
    }
}
