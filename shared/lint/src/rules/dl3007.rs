//! DL3007: no image is taken at `latest`.

use dockerfile::Dockerfile;

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3007",
    level: Level::Warning,
    summary: "FROM does not take whatever is latest.",
    bad: "FROM debian:latest\n",
    good: "FROM debian:12\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let bases = file.stages().iter().filter_map(|stage| Some((stage.line, stage.base.as_ref()?)));
    let latest = bases.filter_map(|(line, base)| Some((line, base.text.strip_suffix(":latest")?)));
    let message =
        |image: &str| format!("latest means another image every time; name a version: {image}:<tag>.");
    latest.map(|(line, image)| Found::new(line, message(image))).collect()
}
