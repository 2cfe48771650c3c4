//! DL4003: one CMD a stage.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL4003",
    level: Level::Warning,
    summary: "A stage has one CMD; of several, all but the last are without effect.",
    bad: "FROM alpine:3.20\nCMD [\"a\"]\nCMD [\"b\"]\n",
    good: "FROM alpine:3.20\nCMD [\"b\"]\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let message = "The stage has a CMD already, which this one overrides; keep one of them.";
    let later = file
        .stages()
        .iter()
        .flat_map(|stage| file.body(stage).filter(|instruction| instruction.keyword == Keyword::Cmd).skip(1));
    later.map(|instruction| Found::new(instruction.line, message)).collect()
}
