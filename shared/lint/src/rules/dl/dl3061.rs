//! DL3061: a file begins with FROM; only ARG may stand before it.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Subject,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3061", level: Level::Error, page: include_str!("dl3061.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let before = subject.file.instructions().take_while(|instruction| instruction.keyword != Keyword::From);
    for outside in
        before.filter(|instruction| !matches!(instruction.keyword, Keyword::Arg | Keyword::Unknown))
    {
        let message = format!("{} stands in no stage; move it behind a FROM.", outside.keyword);
        sink.report_at(outside.line, &outside.keyword_span, message);
    }
}
