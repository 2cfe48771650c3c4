//! GitHub's workflow commands: `::error file=…,line=…,title=…::message`.
//!
//! Source: "Workflow commands for GitHub Actions". In a message `%`, CR and LF are percent-encoded, in a property `:` and `,` too.

use std::fmt::Write as _;

use crate::finding::{Finding, Level};

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let command = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info | Level::Style | Level::Ignore => "notice",
    };
    let (path, message) = (property(path), encoded(&finding.message));
    let (line, code) = (finding.line, property(&finding.code));
    // Writing into a string cannot fail.
    let _ = writeln!(out, "::{command} file={path},line={line},col=1,title={code}::{message}");
}

fn encoded(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    encoded(text).replace(':', "%3A").replace(',', "%2C")
}
