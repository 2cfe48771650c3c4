//! Renovate's rules for tags, as tables.

use std::cmp::Ordering;

use super::*;

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// Whether `from` steps to `to`, majors kept and majors crossed.
#[track_caller]
fn check(from: &str, to: &str, expected: (bool, bool)) {
    let version = |text: &str| Version::of(&tag(text));
    let steps = |majors| match (version(from), version(to)) {
        (Some(from), Some(to)) => from.steps_to(&to, majors),
        _ => false,
    };
    assert_eq!((steps(Majors::Kept), steps(Majors::Crossed)), expected, "{from} -> {to}");
}

const NEVER: (bool, bool) = (false, false);
const ALWAYS: (bool, bool) = (true, true);
const WHEN_ALLOWED: (bool, bool) = (false, true);

#[test]
fn precision_and_suffix_are_kept() {
    check("1.1", "1.2", ALWAYS);
    check("1.1", "1.2.0", NEVER);
    check("1.1.0", "1.2", NEVER);
    check("1.9", "1.10", ALWAYS);
    check("1.1-alpine", "1.2-alpine", ALWAYS);
    check("1.1-alpine", "1.2", NEVER);
    check("1.1", "1.2-alpine", NEVER);
    check("1.1-alpine3.18", "1.2-alpine3.19", NEVER);
    check("3.11-slim-bookworm", "3.12-slim-bookworm", ALWAYS);
    check("v1.1", "v1.2", ALWAYS);
    check("v1.1", "1.2", NEVER);
    check("10.4.8.1", "10.4.8.2", ALWAYS);
}

#[test]
fn majors_are_crossed_when_told() {
    check("1.9", "2.0", WHEN_ALLOWED);
    check("18", "20", WHEN_ALLOWED);
    check("20240101", "20240201", WHEN_ALLOWED);
    check("0.1", "0.2", ALWAYS);
}

#[test]
fn nothing_goes_back_or_stands_still() {
    check("1.2", "1.1", NEVER);
    check("1.2", "1.2", NEVER);
    check("2.0", "1.9", NEVER);
    check("1.2.0", "1.2.0-rc1", NEVER);
}

#[test]
fn only_who_uses_prereleases_gets_them() {
    check("1.1", "1.2-rc1", NEVER);
    check("1.1", "1.2rc1", NEVER);
    check("1.2-rc1", "1.2-rc2", ALWAYS);
    check("1.2-rc2", "1.2-rc10", ALWAYS);
    check("1.2-rc10", "1.2-rc2", NEVER);
    check("1.2-rc1", "1.2", ALWAYS);
    check("1.2b1", "1.3", ALWAYS);
    check("1.2-rc1-alpine", "1.2-alpine", ALWAYS);
    check("1.2-rc1-alpine", "1.2", NEVER);
    check("1.2-beta.1", "1.2-beta.2", ALWAYS);
}

#[test]
fn code_names_have_an_order() {
    check("bookworm", "trixie", WHEN_ALLOWED);
    check("trixie", "bookworm", NEVER);
    check("bookworm-slim", "trixie-slim", WHEN_ALLOWED);
    check("bookworm-slim", "trixie", NEVER);
    check("bookworm-20240110", "bookworm-20240211", ALWAYS);
    check("bookworm-20240110-slim", "bookworm-20240211-slim", ALWAYS);
    check("bookworm", "bookworm-20240211", NEVER);
    check("jammy", "noble", WHEN_ALLOWED);
    check("jammy", "trixie", NEVER);
    check("12", "trixie", NEVER);
}

#[test]
fn what_is_no_version_takes_no_step() {
    for floating in
        ["latest", "stable", "lts", "edge", "alpine", "1234abc", "deadbeef0", "1.2.x", "v", "1..2"]
    {
        assert_eq!(Version::of(&tag(floating)), None, "{floating}");
    }
    check("latest", "1.2", NEVER);
    check("1.2", "latest", NEVER);
    assert!(Version::of(&tag("99999999999999999999999")).is_none());
    let age =
        |one: &str, other: &str| Version::of(&tag(one)).unwrap().age(&Version::of(&tag(other)).unwrap());
    assert_eq!(age("1.2-alpine", "1.1"), Some(Ordering::Greater));
    assert_eq!(age("1.2", "1.2.0"), Some(Ordering::Equal));
    assert_eq!(age("jammy", "12"), None);
}

#[track_caller]
fn holds(rule: &str, inside: &[&str], outside: &[&str]) {
    let rule: VersionRule = rule.parse().unwrap();
    for text in inside {
        assert!(rule.holds(&tag(text)), "{rule} has {text}");
    }
    for text in outside {
        assert!(!rule.holds(&tag(text)), "{rule} does not have {text}");
    }
}

#[test]
fn rules_hold_what_they_say() {
    holds("10.4.8", &["10.4.8"], &["10.4.80", "10.4"]);
    holds("10.4.*", &["10.4.8", "10.4.9-slim"], &["10.5.0", "10.4"]);
    holds("*-slim", &["12-slim"], &["12", "slim"]);
    holds(
        ">=10.4 <11",
        &["10.4", "10.4.0", "10.99.1"],
        &["10", "10.3.9", "11", "11.0", "10.4-alpine", "10.5.0-rc1", "latest"],
    );
    holds("^10.4", &["10.4.0", "10.5"], &["10", "11.0", "10.3"]);
    holds("^0.3", &["0.3.1"], &["0.4", "1.0"]);
    holds("~10.4.3", &["10.4.3", "10.4.9"], &["10.4.2", "10.5.0", "10.4"]);
    holds("~10", &["10", "10.9"], &["11"]);
    holds("<=10.4", &["10.4", "10.4.9", "9"], &["10.5", "10"]);
    holds(">10.4,<=10.6", &["10.5", "10.6.3"], &["10.4.9", "10.7"]);
    holds("=10.4", &["10.4", "10.4.1"], &["10.5"]);
    holds("^3.19-alpine", &["3.20-alpine"], &["3.20", "3.20-slim", "4.0-alpine"]);
    holds(">=bookworm", &["bookworm", "trixie", "bookworm-20240110"], &["bullseye", "noble", "12"]);
    holds("^v1.2", &["v1.3"], &["1.3"]);
}

#[test]
fn what_is_no_rule_says_why() {
    for text in [
        "",
        ">=",
        "^latest",
        ">=1 2",
        ">2 <1",
        "<1 >=1",
        "^1.2-rc1",
        ">=1-a <2-b",
        "1.*|2",
        "a b",
        ">=1 || <2",
        "~~1",
    ] {
        assert!(text.parse::<VersionRule>().is_err(), "{text}");
    }
    assert!("1".repeat(300).parse::<VersionRule>().is_err());
}
