//! DL3023: COPY --from does not name the stage that it stands in.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::stages,
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3023", level: Level::Error, page: include_str!("dl3023.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    for stage in subject.file.stages() {
        let Some(own) = stage.name.as_deref() else { continue };
        for copy in subject.file.body(stage).filter(|instruction| instruction.keyword == Keyword::Copy) {
            if let Some((_, span)) = stages::copied_from(subject, copy).filter(|(from, _)| *from == own) {
                sink.report_at(copy.line, span, format!("{own} is this very stage; name an earlier one."));
            }
        }
    }
}
