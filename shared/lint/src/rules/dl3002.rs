//! DL3002: no stage ends as root.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3002",
    level: Level::Warning,
    summary: "The last USER of a stage is not root.",
    bad: "FROM alpine:3.20\nUSER app\nUSER root\n",
    good: "FROM alpine:3.20\nUSER root\nUSER app\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let last = |stage| file.body(stage).rfind(|instruction| instruction.keyword == Keyword::User);
    let as_root = file.stages().iter().filter_map(last).filter(|user| {
        let name = user.text().map(|text| text.text.split(':').next().unwrap_or_default());
        matches!(name, Some("root" | "0"))
    });
    let message =
        "The stage ends as root; add USER with an unprivileged user after the steps that need root.";
    as_root.map(|user| Found::new(user.line, message)).collect()
}
