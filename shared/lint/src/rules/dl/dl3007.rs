//! DL3007: no image is taken at `latest`.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3007",
    level: Level::Warning,
    page: include_str!("dl3007.md"),
    check: Check::File(check),
};

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        if let Some(image) = stage.base.as_ref().and_then(|base| base.text.strip_suffix(":latest")) {
            sink.report(
                stage.line,
                format!("latest means another image every time; name a version: {image}:<tag>."),
            );
        }
    }
}
