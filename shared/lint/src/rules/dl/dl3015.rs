//! DL3015: no recommended packages.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    script::Command,
    subject::Run,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3015", level: Level::Info, page: include_str!("dl3015.md"), check: Check::Runs(check) };

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    if run.script.calls("apt-get").any(|call| call.has("install") && !is_spare(call)) {
        sink.report_run(run, "Add --no-install-recommends.");
    }
}

fn is_spare(call: &Command<'_>) -> bool {
    call.has_flag(&["no-install-recommends"]) || call.has("APT::Install-Recommends=false")
}
