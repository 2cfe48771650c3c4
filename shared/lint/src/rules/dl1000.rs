//! DL1000: the file can be read.

use dockerfile::Dockerfile;

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL1000",
    level: Level::Error,
    summary: "The file is a Dockerfile that every builder reads.",
    bad: "FROM alpine:3.20\nRNU true\n",
    good: "FROM alpine:3.20\nRUN true\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let message = |error: &dockerfile::ParseError| format!("Put it right: {}; {}.", error.kind, error.hint());
    file.errors().iter().map(|error| Found::new(error.line, message(error))).collect()
}
