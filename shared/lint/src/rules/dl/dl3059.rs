//! DL3059: short steps in a row are one step.

use std::collections::{BTreeMap, BTreeSet};

use dockerfile::{Flag, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Rule, Sink, When},
    subject::{Run, Subject},
};

pub(crate) const RULE: Rule =
    Rule { code: "DL3059", level: Level::Info, page: include_str!("dl3059.md"), check: Check::File(check) };

fn check(subject: &Subject<'_>, sink: &mut Sink<'_>) {
    let mut runs = subject.runs().iter().filter(|run| run.when == When::Now);
    let mut before: Option<&Run<'_>> = None;
    for instruction in subject.file.instructions() {
        if instruction.keyword != Keyword::Run {
            before = None;
            continue;
        }
        let Some(run) = runs.next() else { return };
        if before.is_some_and(|before| is_short(before) && is_short(run) && surroundings_agree(before, run)) {
            sink.report_run(run, "Join it with the step before it: <first> && <second>.");
        }
        before = Some(run);
    }
}

fn is_short(run: &Run<'_>) -> bool {
    run.script.commands.len() <= 1
}

/// Whether two steps have the same mounts, network and rights.
fn surroundings_agree(one: &Run<'_>, other: &Run<'_>) -> bool {
    let (one, other) = (&one.instruction, &other.instruction);
    if one.flags.is_empty() && other.flags.is_empty() {
        return true;
    }
    one.flag("network") == other.flag("network")
        && one.flag("security") == other.flag("security")
        && mounts(one) == mounts(other)
}

fn mounts(run: &Instruction) -> BTreeSet<BTreeMap<&str, &str>> {
    run.flags_named("mount").map(mount).collect()
}

/// A mount with its keys under one name each.
fn mount(flag: &Flag) -> BTreeMap<&str, &str> {
    let mut fields = BTreeMap::from([("type", "bind")]);
    for field in &flag.fields {
        let value = field.value.as_deref().unwrap_or("true");
        let key = match field.key.as_str() {
            "dst" | "destination" => "target",
            "src" => "source",
            "ro" => "readonly",
            "rw" => "readwrite",
            key => key,
        };
        fields.insert(key, value);
    }
    fields
}
