//! DL3033: packages from yum have versions.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::check_rpms,
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3033",
    level: Level::Warning,
    page: include_str!("dl3033.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    check_rpms(subject, sink, |call| call.program == "yum");
}
