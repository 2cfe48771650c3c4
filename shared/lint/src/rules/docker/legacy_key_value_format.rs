//! LegacyKeyValueFormat: an equals sign in ENV and LABEL.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "LegacyKeyValueFormat",
    level: Level::Ignore,
    page: include_str!("legacy_key_value_format.md"),
    check: Check::Instructions(&[Keyword::Env, Keyword::Label], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    for pair in here.instruction.pairs() {
        let Some(value) = &pair.value else { continue };
        let between = here.subject.file.source(&(pair.name.span.end..value.span.start));
        if !between.contains('=') {
            let (keyword, name) = (here.instruction.keyword, &pair.name.text);
            sink.report_at(here.line, &pair.name.span, format!("Write {keyword} {name}=<value>."));
        }
    }
}
