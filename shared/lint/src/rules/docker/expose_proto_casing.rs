//! ExposeProtoCasing: protocols in lower case.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "ExposeProtoCasing",
    level: Level::Ignore,
    page: include_str!("expose_proto_casing.md"),
    check: Check::Instructions(&[Keyword::Expose], check),
};

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    for word in here.instruction.words() {
        let protocol = word.text.rsplit_once('/').map(|(_, protocol)| protocol).unwrap_or_default();
        if protocol.bytes().any(|byte| byte.is_ascii_uppercase()) {
            let lower = protocol.to_ascii_lowercase();
            sink.report_at(here.line, &word.span, format!("Write {lower} instead of {protocol}."));
        }
    }
}
