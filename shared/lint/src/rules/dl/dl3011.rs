//! DL3011: a port is a number from 0 to 65535.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3011",
    level: Level::Error,
    page: include_str!("dl3011.md"),
    check: Check::Instructions(&[Keyword::Expose], check),
};

/// The last port there is: they are sixteen bits wide (RFC 9293, section 3.1).
const LAST: u64 = 65_535;

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    if let Some(port) = here.instruction.words().iter().find(|word| is_out_of_range(&word.text)) {
        let message = format!("{} is no port; write a number from 0 to {LAST}.", port.text);
        sink.report_at(here.line, &port.span, message);
    }
}

/// `PORT`, `PORT/PROTOCOL` or `FIRST-LAST/PROTOCOL`; what has a variable in it may be anything.
fn is_out_of_range(word: &str) -> bool {
    let ports = word.split('/').next().unwrap_or_default();
    let too_big = |port: &str| port.parse().map_or(true, |port: u64| port > LAST);
    !ports.is_empty()
        && ports.split('-').all(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
        && ports.split('-').any(too_big)
}
