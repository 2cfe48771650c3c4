//! DL3001: programs without work in a step.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    subject::Run,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3001", level: Level::Info, page: include_str!("dl3001.md"), check: Check::Runs(check) };

/// They need a terminal, a service manager, other processes or rights that a step has not.
const IDLE: [&str; 9] = ["free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim"];

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let idle = run.script.commands.iter().find(|call| IDLE.contains(&call.program.as_ref()));
    if let Some(call) = idle {
        sink.report_run(run, format!("Remove {}: it has no work in a build step.", call.program));
    }
}
