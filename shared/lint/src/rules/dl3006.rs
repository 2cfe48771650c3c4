//! DL3006: every image has a tag or a digest.

use std::collections::HashSet;

use dockerfile::{Dockerfile, Stage};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3006",
    level: Level::Warning,
    summary: "FROM says which version of an image it means.",
    bad: "FROM debian\n",
    good: "FROM debian:12\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let mut stages = HashSet::new();
    let mut found = Vec::new();
    for stage in file.stages() {
        if let Some(image) = untagged(stage).filter(|image| !stages.contains(*image)) {
            found.push(Found::new(
                stage.line,
                format!("Say which version of {image} is meant: {image}:<tag>."),
            ));
        }
        stages.extend(stage.name.as_deref());
    }
    found
}

/// The stage's image, if it has neither tag nor digest and is more than a variable.
fn untagged(stage: &Stage) -> Option<&str> {
    let image = stage.base.as_ref()?.text.trim_matches(['"', '\'']);
    let last = image.rsplit('/').next().unwrap_or_default();
    let known = image == "scratch" || image.starts_with('$') || last.contains([':', '@']);
    (!known).then_some(image)
}
