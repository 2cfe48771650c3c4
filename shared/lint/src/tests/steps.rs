//! The rules about commands, case by case in `steps.txt`: `CODE + STEP` breaks the rule and `CODE - STEP` does not, as hadolint 2.15.1
//! has it. A backslash is doubled, `\n` is an end of line.

use dockerfile::Dockerfile;

use crate::{Policy, lint};

#[track_caller]
fn check(case: &str) {
    let (code, rest) = case.split_once(' ').unwrap();
    let (mark, step) = rest.split_once(' ').unwrap();
    let expected = match mark {
        "+" => true,
        "-" => false,
        other => panic!("`{other}` in {case}"),
    };
    let step = step.replace("\\\\", "\0").replace("\\n", "\n").replace('\0', "\\");
    let report = lint(&Dockerfile::read(&format!("FROM debian:12\n{step}\n")), &Policy::default());
    assert_eq!(report.findings.iter().any(|finding| finding.code == code), expected, "{case}");
}

#[test]
fn each_case_is_as_in_hadolint() {
    include_str!("steps.txt").lines().for_each(check);
}
