//! FromPlatformFlagConstDisallowed: no fixed platform.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "FromPlatformFlagConstDisallowed",
    level: Level::Ignore,
    page: include_str!("from_platform_flag_const_disallowed.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

/// What a lone word may be.
const KNOWN: [&str; 12] = [
    "linux", "windows", "darwin", "freebsd", "amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64",
    "loong64",
];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let Some(flag) = here.instruction.flags_named("platform").next() else { return };
    let Some(platform) = flag.value.as_deref().filter(|platform| !platform.contains('$')) else { return };
    let mut parts = platform.split('/').take(2);
    let is_platform = platform.contains('/') || KNOWN.contains(&platform);
    let name = here.instruction.words().get(2).map(|word| word.text.as_str()).unwrap_or_default();
    if is_platform && !parts.any(|part| name.contains(part)) {
        sink.report_at(
            here.line,
            &flag.span,
            "Leave the platform to the build, or name it in the stage's name.",
        );
    }
}
