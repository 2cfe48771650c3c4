//! InvalidBaseImagePlatform: bases are for the platform.

use dockerfile::Keyword;

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink},
};

pub(crate) const RULE: Rule = Rule {
    code: "InvalidBaseImagePlatform",
    level: Level::Ignore,
    page: include_str!("invalid_base_image_platform.md"),
    check: Check::Instructions(&[Keyword::From], check),
};

/// Platforms that a message names; an index may have hundreds.
const SHOWN: usize = 3;

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    let context = &here.subject.context;
    let Some(base) = here.instruction.words().first() else { return };
    let Some(actual) = context.base_platforms.get(&base.text) else { return };
    let expected = match here.instruction.flag("platform") {
        Some(written) if !names_the_build(written) => (!written.contains('$')).then_some(written),
        _ => context.platform.as_deref(),
    };
    let Some((expected, wanted)) = expected.and_then(|expected| Some((expected, kind(expected)?))) else {
        return;
    };
    if actual.iter().all(|actual| kind(actual).is_some_and(|actual| actual != wanted)) {
        let mut shown: Vec<&str> = actual.iter().take(SHOWN).map(String::as_str).collect();
        shown.extend((actual.len() > SHOWN).then_some("…"));
        let message = format!("{} is for {}, and {expected} is built for.", base.text, shown.join(", "));
        sink.report_at(here.line, &base.span, message);
    }
}

/// Whether it is the platform that the build runs on, or for, in a variable; any other variable may be anything.
fn names_the_build(written: &str) -> bool {
    ["$BUILDPLATFORM", "${BUILDPLATFORM}", "$TARGETPLATFORM", "${TARGETPLATFORM}"].contains(&written)
}

/// Operating system and architecture, each by the one name that builders make of all its names; none where one is not told.
///
/// Source: containerd, `platforms`, `normalizeArch` and `Parse`.
fn kind(platform: &str) -> Option<(String, String)> {
    let lower = platform.to_ascii_lowercase();
    let (os, architecture) = match lower.split_once('/') {
        Some((os, rest)) => (os, rest.split('/').next().unwrap_or(rest)),
        None if ["linux", "windows", "darwin", "freebsd"].contains(&lower.as_str()) => return None,
        None => ("linux", lower.as_str()),
    };
    let architecture = match architecture {
        "x86_64" | "x86-64" => "amd64",
        "aarch64" => "arm64",
        "armhf" | "armel" => "arm",
        "i386" => "386",
        other => other,
    };
    Some((os.to_owned(), architecture.to_owned()))
}
