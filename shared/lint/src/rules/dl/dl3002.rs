//! DL3002: no stage ends as root.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3002",
    level: Level::Warning,
    page: include_str!("dl3002.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let last = |stage| subject.file.body(stage).rfind(|instruction| instruction.keyword == Keyword::User);
    for user in subject.file.stages().iter().filter_map(last) {
        let name = user.text().map(|text| text.text.split(':').next().unwrap_or_default());
        if matches!(name, Some("root" | "0")) {
            sink.report(
                user.line,
                "The stage ends as root; add USER with an unprivileged user after the steps that need root.",
            );
        }
    }
}
