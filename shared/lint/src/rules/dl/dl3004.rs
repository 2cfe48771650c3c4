//! DL3004: no sudo in a step.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3004", level: Level::Error, page: include_str!("dl3004.md"), check: Check::Runs(check) };

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("sudo").next().is_some() {
        sink.report_run(run, "Remove sudo: switch with USER root before the step and back after it.");
    }
}
