//! DL3004: no sudo in a step.

use dockerfile::Dockerfile;

use super::{Found, Rule};
use crate::{finding::Level, script};

pub(crate) const RULE: Rule = Rule {
    code: "DL3004",
    level: Level::Error,
    summary: "Steps do not call sudo, which has no terminal and no user to ask in a build.",
    bad: "FROM debian:12\nRUN sudo make install\n",
    good: "FROM debian:12\nUSER root\nRUN make install\nUSER app\n",
    check,
};

fn check(file: &Dockerfile) -> Vec<Found> {
    let with_sudo =
        script::runs(file).filter(|(_, commands)| commands.iter().any(|call| call.program == "sudo"));
    let message = "Remove sudo: switch with USER root before the step and back after it.";
    with_sudo.map(|(line, _)| Found::new(line, message)).collect()
}
