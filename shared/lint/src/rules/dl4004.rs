//! DL4004: one ENTRYPOINT a stage.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL4004",
    level: Level::Error,
    summary: "A stage has one ENTRYPOINT; of several, all but the last are without effect.",
    bad: "FROM alpine:3.20\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
    good: "FROM alpine:3.20\nENTRYPOINT [\"b\"]\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let message = "The stage has an ENTRYPOINT already, which this one overrides; keep one of them.";
    let later = file.stages().iter().flat_map(|stage| {
        file.body(stage).filter(|instruction| instruction.keyword == Keyword::Entrypoint).skip(1)
    });
    later.map(|instruction| Found::new(instruction.line, message)).collect()
}
