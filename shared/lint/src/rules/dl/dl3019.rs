//! DL3019: apk keeps no index.

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink},
    rules::packages::is_kept_out,
    subject::Run,
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3019", level: Level::Info, page: include_str!("dl3019.md"), check: Check::Runs(check) };

fn check(run: &Run<'_>, sink: &mut Sink<'_>) {
    let keeps = run.script.calls("apk").any(|call| call.has("add") && !call.has_flag(&["no-cache"]));
    if keeps && !is_kept_out(run, "/var/cache/apk") {
        sink.report_run(run, "Add --no-cache.");
    }
}
