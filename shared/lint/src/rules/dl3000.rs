//! DL3000: WORKDIR is absolute.

use dockerfile::{Dockerfile, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3000",
    level: Level::Error,
    summary: "WORKDIR names an absolute path, so that it does not depend on the base image.",
    bad: "FROM alpine:3.20\nWORKDIR app\n",
    good: "FROM alpine:3.20\nWORKDIR /app\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let workdirs = file.instructions().filter(|instruction| instruction.keyword == Keyword::Workdir);
    let relative = workdirs.filter_map(|workdir| {
        let path = workdir.text()?.text.trim_matches(['"', '\'']);
        let message =
            format!("WORKDIR {path} depends on what the base image has set; write the path from / on.");
        (!is_absolute(path)).then(|| Found::new(workdir.line, message))
    });
    relative.collect()
}

/// From the root, from a variable, or from a Windows drive.
fn is_absolute(path: &str) -> bool {
    let mut characters = path.chars();
    match (characters.next(), characters.next()) {
        (Some('/' | '$'), _) => true,
        (Some(drive), Some(':')) => drive.is_ascii_alphabetic(),
        _ => false,
    }
}
