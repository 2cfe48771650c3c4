//! Every rule on its own examples, lines as hadolint 2.15 gives them, pragmas and policies.

mod steps;

use dockerfile::Dockerfile;

use crate::{Finding, Level, Linter, Policy, Silencing, lint};

fn codes(findings: &[Finding]) -> Vec<(usize, &str)> {
    findings.iter().map(|finding| (finding.line, &*finding.code)).collect()
}

#[track_caller]
fn check(text: &str, expected: &[(usize, &str)]) {
    let report = lint(&Dockerfile::read(text), &Policy::default());
    assert_eq!(codes(&report.findings), expected, "{text}");
}

#[test]
fn paths_users_and_commands() {
    check(
        "FROM a:1\nWORKDIR \"c:/x\"\nWORKDIR c:\nWORKDIR ${X}\nWORKDIR ~\nWORKDIR \\x\nWORKDIR \"x y\"\n",
        &[(5, "DL3000"), (6, "DL3000"), (7, "DL3000")],
    );
    check(
        "FROM a:1 AS x\nUSER root\nFROM x\nUSER 0:0\nFROM x\nUSER root\nUSER app\n",
        &[(2, "DL3002"), (2, "DL3066"), (4, "DL3002"), (6, "DL3066"), (7, "DL3066")],
    );
    check(
        "FROM a:1\nCMD []\nHEALTHCHECK NONE\nHEALTHCHECK CMD [\"x\"]\nHEALTHCHECK CMD x\nENTRYPOINT \"x\"\n",
        &[(4, "DL3012"), (5, "DL3012"), (5, "DL3025"), (6, "DL3025")],
    );
    check(
        "FROM a:1\nCMD [\"a\"]\nCMD [\"b\"]\nFROM b:1\nCMD [\"c\"]\nENTRYPOINT [\"a\"]\nENTRYPOINT [\"b\"]\n",
        &[(3, "DL4003"), (7, "DL4004")],
    );
    check("FROM a:1\nMAINTAINER me\n", &[(2, "DL4000")]);
}

#[test]
fn images() {
    check("FROM a AS x\nFROM x\nFROM b.io/c\nFROM scratch\n", &[(1, "DL3006"), (3, "DL3006")]);
    check("FROM x\nFROM a:1 AS x\n", &[(1, "DL3006")]);
    check(
        "FROM b.io:5000/c\nFROM ${A}\nFROM $A/b\nFROM b:$A\nFROM a/${B}\n",
        &[(1, "DL3006"), (5, "DL3006")],
    );
    check(
        "FROM b:latest\nFROM ${A}:latest\nFROM b:latest-slim\nFROM localhost:5000/b:latest AS c\n",
        &[(1, "DL3007"), (2, "DL3007"), (4, "DL3007")],
    );
}

#[test]
fn additions_and_secrets() {
    check(
        "FROM a:1\nADD x.tar.gz https://y \"z.tgz\" /\nADD x.zip /\nADD [\"x\", \"/\"]\nADD <<E /e\nE\nADD git@x:y /\n",
        &[(3, "DL3020"), (4, "DL3020"), (7, "DL3020")],
    );
    check(
        "ARG GITHUB_TOKEN\nFROM a:1\nENV A=b db_password=c\nENV PUBLIC_KEY=x MONKEY=y TOKENS_SEEN=z\n",
        &[(1, "DL3064"), (1, "PL1001"), (3, "DL3064"), (3, "PL1001"), (4, "DL3064")],
    );
}

#[test]
fn what_cannot_be_read_is_a_finding_that_nothing_silences() {
    check("# hadolint global ignore=DL1000\nFROM a:1\n# hadolint ignore=DL1000\nFOO\n", &[(4, "DL1000")]);
}

#[test]
fn reasons_may_be_demanded_of_pragmas() {
    let text = "FROM a:1\n# hadolint ignore=DL3004 # no other way\nRUN sudo x\nUSER 1\n# hadolint ignore=DL3004\nRUN sudo y\n";
    let found = |silencing| {
        let policy = Policy { silencing, ..Policy::default() };
        let report = lint(&Dockerfile::read(text), &policy);
        let codes: Vec<(usize, String)> =
            report.findings.iter().map(|finding| (finding.line, finding.code.to_string())).collect();
        codes
    };
    let pair = |line, code: &str| (line, code.to_owned());
    assert_eq!(found(Silencing::Heard), []);
    assert_eq!(found(Silencing::WithReason), [pair(5, "PL1003"), pair(6, "DL3004")]);
    let all = [pair(2, "PL1003"), pair(3, "DL3004"), pair(5, "PL1003"), pair(6, "DL3004")];
    assert_eq!(found(Silencing::Forbidden), all);
}

#[test]
fn directives_of_docker_are_heard_where_comments_are() {
    let text = "# check=skip=all\nFROM a:1\n# check=skip=LegacyKeyValueFormat\nLABEL A b\nUSER 1\n";
    let found = |silencing, checks: bool| {
        let policy = Policy { silencing, ..Policy::default() };
        let policy = if checks { policy.with_docker_checks() } else { policy };
        let report = lint(&Dockerfile::read(text), &policy);
        let codes = report.findings.iter().map(|finding| (finding.line, finding.code.to_string()));
        codes.filter(|(_, code)| !code.starts_with("DL")).collect::<Vec<_>>()
    };
    let pair = |line, code: &str| (line, code.to_owned());
    assert_eq!(found(Silencing::Heard, true), []);
    let all = [pair(1, "PL1003"), pair(3, "PL1003"), pair(4, "LegacyKeyValueFormat")];
    assert_eq!(found(Silencing::Forbidden, true), all);
    assert_eq!(found(Silencing::WithReason, true), all);
    assert_eq!(found(Silencing::Forbidden, false), []);
}

#[test]
fn pragmas_count_for_the_next_line_or_everywhere() {
    check("FROM a:1\n#hadolint ignore = DL3004 , DL3003\nRUN sudo x; cd y\n", &[]);
    check("FROM a:1\n  # hadolint ignore=DL3004\nRUN sudo x; cd y\n", &[(3, "DL3003")]);
    check("FROM a:1\n# hadolint ignore=DL3004\n\nRUN sudo x\n", &[(4, "DL3004")]);
    check("FROM a:1\n# hadolint ignore=DL3004 for a reason\nRUN sudo x\n", &[(3, "DL3004")]);
    check(
        "FROM a:1\n# hadolint ignore=DL3004# why\nRUN sudo x\nUSER 1\n# hadolint ignore=DL3004 #\nRUN sudo x\n",
        &[],
    );
    check("FROM a:1\n# hadolint ignore=DL3004,\nRUN sudo x\n", &[(3, "DL3004")]);
    check("FROM a:1\nRUN sudo x\n# hadolint global ignore=DL3004\n", &[]);
}

#[track_caller]
fn check_policy(policy: &Policy, expected: &[&str], refused: bool) {
    let file = Dockerfile::read("FROM a\n# hadolint ignore=DL3004\nRUN sudo x\nWORKDIR y\n");
    let report = lint(&file, policy);
    let found: Vec<&str> = report.findings.iter().map(|finding| &*finding.code).collect();
    assert_eq!((found.as_slice(), report.refused), (expected, refused), "{policy:?}");
}

#[test]
fn policies_decide_what_refuses() {
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let policy = |fail_on, deny: &[&str], ignore: &[&str]| Policy {
        fail_on,
        deny: codes(deny),
        ignore: codes(ignore),
        ..Policy::default()
    };
    check_policy(&Policy::default(), &["DL3006", "DL3000"], true);
    check_policy(&policy(None, &[], &[]), &["DL3006", "DL3000"], false);
    check_policy(&policy(Some(Level::Error), &[], &["DL3000"]), &["DL3006"], false);
    check_policy(&policy(Some(Level::Warning), &[], &["DL3000"]), &["DL3006"], true);
    check_policy(&policy(None, &["DL3006"], &[]), &["DL3006", "DL3000"], true);
    // What an organisation denies, neither its own list nor a comment in the file takes back.
    check_policy(&policy(None, &["DL3004"], &["DL3004", "DL3006", "DL3000"]), &["DL3004"], true);
    let slips =
        policy(None, &["DL3006", "DL306", "PL2001"], &["XX1", "SC2086", "SC20866", "JSONArgsRecommended"]);
    assert_eq!(slips.unknown_codes(), ["DL306", "XX1", "SC20866"]);
}

#[test]
fn only_certain_fixes_are_offered() {
    let fixed = |text: &str| {
        let file = Dockerfile::read(text);
        let edits: Vec<_> =
            lint(&file, &Policy::default()).findings.into_iter().flat_map(|found| found.fix).collect();
        file.rewrite(&edits).unwrap()
    };
    assert_eq!(
        fixed("FROM a:1\nADD --chown=1 src/ app.py /x/\n"),
        "FROM a:1\nCOPY --chown=1 src/ app.py /x/\n"
    );
    assert_eq!(fixed("FROM a:1\nadd [\"a.txt\", \"/x\"]\n"), "FROM a:1\ncopy [\"a.txt\", \"/x\"]\n");
    for kept in ["ADD app /x", "ADD $A.txt /x", "ADD a.txt b.tgz /x/", "ADD --checksum=sha256:0 a.txt /x"] {
        let text = format!("FROM a:1\n{kept}\n");
        assert_eq!(fixed(&text), text);
    }
}

#[test]
fn what_others_found_is_held_to_the_policy_and_the_comments_too() {
    let file = Dockerfile::read("FROM a:1\n# hadolint ignore=SC1\nRUN x\nRUN y\n");
    let found = |line, code: &str| {
        let code = code.to_owned().into();
        Finding { line, code, level: Level::Info, message: "m".into(), fix: Vec::new(), span: None }
    };
    let all = vec![found(3, "SC1"), found(4, "SC1"), found(4, "SC2"), found(4, "SC3")];
    let mut policy = Policy { ignore: vec!["SC2".to_owned(), "DL3059".to_owned()], ..Policy::default() };
    policy.levels.insert("SC3".to_owned(), Level::Error);
    let report = Linter::new(&policy).lint_with(&file, all);
    assert_eq!(codes(&report.findings), [(4, "SC1"), (4, "SC3")]);
    assert!(report.refused);
}

#[test]
fn levels_are_words() {
    for level in Level::ALL {
        assert_eq!(level.as_str().parse(), Ok(level));
    }
    assert!("fatal".parse::<Level>().is_err());
    assert!(Level::Error > Level::Warning && Level::Warning > Level::Info && Level::Info > Level::Style);
}
