//! What the rules about package managers ask again and again. Not the rules.

use std::cell::OnceCell;

use super::declared::{self, Declared};
use crate::{
    rule::Sink,
    script::{Command, Script},
    subject::{Run, Subject},
};

/// Where a cache mount may say that it is.
const TARGETS: [&str; 3] = ["target", "dst", "destination"];

/// Whether a cache or a memory file system is mounted at this path or at one that contains it: what is written there stays out of the
/// image.
pub(crate) fn is_kept_out(run: &Run<'_>, path: &str) -> bool {
    run.instruction.flags_named("mount").any(|mount| {
        let is = |key: &str, wanted: fn(&str, &str) -> bool, what: &str| {
            mount.fields.iter().any(|field| {
                field.key == key && field.value.as_deref().is_some_and(|value| wanted(value, what))
            })
        };
        let equals = |value: &str, what: &str| value == what;
        let contains = |value: &str, what: &str| value.contains(what);
        (is("type", equals, "cache") || is("type", equals, "tmpfs"))
            && TARGETS.iter().any(|target| is(target, contains, path))
    })
}

/// Whether something is installed, and the first that tidies up does not come behind it.
pub(crate) fn leaves_remains(
    script: &Script<'_>,
    installs: impl Fn(&Command<'_>) -> bool,
    tidies: impl Fn(&Command<'_>) -> bool,
) -> bool {
    let first = script.commands.iter().position(installs);
    let tidied = script.commands.iter().position(tidies);
    first.is_some_and(|first| tidied.is_none_or(|tidied| tidied <= first))
}

/// `rm -rf`, whatever it removes: as hadolint has it, whoever writes it knows where the cache is.
pub(crate) fn removes_all(command: &Command<'_>) -> bool {
    command.program == "rm" && command.has("-rf")
}

/// Whether an RPM package is named with its version, `name-1.2`; in a module stream, `name:stream`.
pub(crate) fn is_pinned_rpm(package: &str) -> bool {
    let is_part = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'~' | b'^' | b'+' | b'-')
    };
    // Behind some hyphen a digit, and nothing but a version's characters up to the end. What a variable holds is not known.
    let bytes = package.as_bytes();
    let end = bytes.iter().rposition(|byte| !is_part(*byte)).unwrap_or(0);
    let versions = bytes.get(end..).unwrap_or_default();
    !package.contains('$') && versions.windows(2).any(|pair| matches!(pair, [b'-', b'0'..=b'9']))
}

/// Reports what these calls of yum or dnf are to install without a version.
pub(crate) fn check_rpms(subject: &Subject<'_>, sink: &mut Sink<'_>, is_call: impl Fn(&Command<'_>) -> bool) {
    let declared = OnceCell::new();
    for run in subject.runs() {
        let is_declared = |name: &str| declared.get_or_init(|| Declared::of(subject.file)).knows(name, run);
        let calls = run.script.commands.iter().filter(|call| is_call(call));
        let unpinned: Vec<&str> = calls.flat_map(|call| unpinned_rpms(call, &is_declared)).collect();
        if let Some(first) = unpinned.first() {
            let names = unpinned.join(", ");
            sink.report_run(run, format!("Say which version of {names} is meant: {first}-<version>."));
        }
    }
}

fn unpinned_rpms<'s>(call: &'s Command<'_>, is_declared: &impl Fn(&str) -> bool) -> Vec<&'s str> {
    if !call.has("install") {
        return Vec::new();
    }
    let is_module = call.has("module");
    // A variable that somebody declares holds the version; of any other nobody knows that it is not empty.
    let is_told = |package: &str| package.contains('-') && declared::names_in(package).any(is_declared);
    let is_pinned = |package: &&str| match is_module {
        true => package.contains(':'),
        false => is_pinned_rpm(package) || is_told(package),
    };
    call.operands()
        .filter(|word| !matches!(*word, "install" | "module"))
        .filter(|package| !is_pinned(package))
        .collect()
}
