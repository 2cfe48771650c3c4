//! The checks as a whole: when they are on, and what a file says about them itself. Each check's own examples are its page.

use dockerfile::Dockerfile;

use crate::{Level, Policy, lint};

#[track_caller]
fn check(policy: Policy, text: &str, expected: &[(usize, &str)]) {
    let report = lint(&Dockerfile::read(text), &policy);
    let found: Vec<(usize, &str)> = report.findings.iter().map(|found| (found.line, &*found.code)).collect();
    assert_eq!(found, expected, "{text}");
}

const FILE: &str = "FROM a:1 as B\nMAINTAINER me\nENV x y\n";

#[test]
fn they_are_off_until_a_policy_turns_them_on_and_nothing_is_told_twice() {
    check(Policy::default(), FILE, &[(2, "DL4000")]);
    check(
        Policy::default().with_docker_checks(),
        FILE,
        &[(1, "FromAsCasing"), (1, "StageNameCasing"), (2, "DL4000"), (3, "LegacyKeyValueFormat")],
    );
    let without = Policy { ignore: vec!["DL4000".to_owned()], ..Policy::default() };
    check(
        without.with_docker_checks(),
        FILE,
        &[
            (1, "FromAsCasing"),
            (1, "StageNameCasing"),
            (2, "MaintainerDeprecated"),
            (3, "LegacyKeyValueFormat"),
        ],
    );
    let mut one = Policy::default();
    one.levels.insert("StageNameCasing".to_owned(), Level::Error);
    check(one, FILE, &[(1, "StageNameCasing"), (2, "DL4000")]);
}

#[test]
fn a_file_skips_checks_for_itself() {
    let on = || Policy::default().with_docker_checks();
    let legacy = [(3, "DL4000"), (4, "LegacyKeyValueFormat")];
    check(on(), &format!("# check=skip=FromAsCasing, StageNameCasing\n{FILE}"), &legacy);
    check(on(), &format!("# check=skip=all\n{FILE}"), &[(3, "DL4000")]);
    check(
        on(),
        &format!("# check=skip=all;bad\n{FILE}"),
        &[(2, "FromAsCasing"), (2, "StageNameCasing"), (3, "DL4000"), (4, "LegacyKeyValueFormat")],
    );
    check(
        on(),
        "FROM a:1\n# check=skip=LegacyKeyValueFormat why\nENV x y\nENV a b\n",
        &[(4, "LegacyKeyValueFormat")],
    );
    // What an organisation denies, no comment takes back.
    let denied = Policy { deny: vec!["LegacyKeyValueFormat".to_owned()], ..Policy::default() };
    check(denied, "# check=skip=all\nFROM a:1\nENV x y\n", &[(3, "LegacyKeyValueFormat")]);
}

#[test]
fn a_file_makes_them_errors_for_itself() {
    let file = Dockerfile::read("# check=error=true\nFROM a:1\nENV x y\n");
    let report = lint(&file, &Policy::default().with_docker_checks());
    assert!(report.refused && report.findings.iter().all(|found| found.level == Level::Error));
}

#[test]
fn definitions_that_double_each_other_end() {
    let on = || Policy::default().with_docker_checks();
    let doubled = "ARG A=$A$A\n".repeat(200);
    check(on(), &format!("ARG A=x\n{doubled}FROM $A\n"), &[]);
    // Short of that they are judged.
    let once = "ARG A=\"$A \"\n";
    check(on(), &format!("ARG A=x\n{once}FROM $A\n"), &[(3, "InvalidDefaultArgInFrom")]);
}
