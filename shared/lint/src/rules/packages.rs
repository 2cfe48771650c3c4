//! What the rules about package managers ask again and again. Not the rules.

use crate::{
    script::{Command, Script},
    subject::Run,
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

/// The packages that yum or dnf is to install without a version.
pub(crate) fn unpinned_rpms<'s>(call: &'s Command<'_>) -> Vec<&'s str> {
    if !call.has("install") {
        return Vec::new();
    }
    let is_module = call.has("module");
    let is_pinned = |package: &&str| if is_module { package.contains(':') } else { is_pinned_rpm(package) };
    call.operands()
        .filter(|word| !matches!(*word, "install" | "module"))
        .filter(|package| !is_pinned(package))
        .collect()
}
