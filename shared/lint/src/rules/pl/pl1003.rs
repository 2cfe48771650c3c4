//! PL1003: comments that silence rules say why, where the policy wants it.

use dockerfile::DirectiveName;

use crate::{
    finding::Level,
    policy::Silencing,
    pragma::Pragma,
    rule::{Check, Rule, Sink},
    rules::docker::{self, directive},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "PL1003",
    level: Level::Warning,
    page: include_str!("pl1003.md"),
    check: Check::File(check),
};

/// Said of Docker's own directives, which have no place for a reason.
const CHECKS: &str = "The directive skips nothing: the policy does not allow it. Write # hadolint ignore=<code> # <reason> where reasons are heard.";

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let silencing = sink.policy.silencing;
    if silencing == Silencing::Heard {
        return;
    }
    let top = subject.file.directive(DirectiveName::Check);
    if let Some(top) = top.filter(|top| docker::are_on(sink.policy) && directive::skips(&top.value)) {
        sink.report_at(top.line, &top.span, CHECKS);
    }
    for comment in subject.file.comments() {
        let Some(pragma) = Pragma::of(&comment.text) else {
            if docker::are_on(sink.policy) && directive::value_in(comment).is_some_and(directive::skips) {
                sink.report_at(comment.line, &comment.span, CHECKS);
            }
            continue;
        };
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
