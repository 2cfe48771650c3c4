//! DL3041: packages from dnf have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::check_rpms,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3041",
    level: Level::Warning,
    page: include_str!("dl3041.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    check_rpms(subject, sink, |call| {
        // A group is a list of packages that has no version.
        matches!(call.program.as_ref(), "dnf" | "microdnf") && !call.has("group")
    });
}
