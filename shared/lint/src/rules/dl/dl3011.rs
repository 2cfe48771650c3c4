//! DL3011: a port is a number from 0 to 65535, with a protocol that there is.

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
/// Those that builders take.
///
/// Source: Docker, `go-connections/nat`, `validateProto`.
const PROTOCOLS: [&str; 3] = ["tcp", "udp", "sctp"];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    for port in here.instruction.words() {
        if let Some(mistake) = mistake(&port.text) {
            return sink.report_at(here.line, &port.span, mistake);
        }
    }
}

/// What is wrong with `PORT`, `PORT/PROTOCOL` or `FIRST-LAST/PROTOCOL`. What has a variable or a quote in it may be anything, and what has a
/// host is another check's.
fn mistake(word: &str) -> Option<String> {
    if word.contains(['$', ':', '"', '\'', '\\']) {
        return None;
    }
    let (ports, protocol) = word.split_once('/').unwrap_or((word, "tcp"));
    let number = |port: &str| {
        let plain = port.bytes().all(|b| b.is_ascii_digit());
        port.parse().ok().filter(|port: &u64| plain && *port <= LAST)
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => {}
        (Some(_), Some(_)) => return Some(format!("{word} ends before it begins; write {last}-{first}.")),
        _ => return Some(format!("{word} is no port; write a number from 0 to {LAST}.")),
    }
    let is_known = protocol.is_empty() || PROTOCOLS.iter().any(|known| protocol.eq_ignore_ascii_case(known));
    (!is_known).then(|| format!("{protocol} is no protocol; write {}.", PROTOCOLS.join(", ")))
}
