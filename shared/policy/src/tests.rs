//! Policies as organisations publish them, and hostile ones.

use std::time::{Duration, Instant};

use dockerfile::Dockerfile;
use serde_json::json;

use crate::{Fault, Kind, Mistake, Outcome, Policy, Subject, Text, input, weight};

const LIMIT: Duration = Duration::from_secs(20);

fn text(text: &str) -> Text {
    Text { file: "policy.rego".to_owned(), text: text.to_owned() }
}

fn policy(rego: &str) -> Policy {
    Policy::compile(&[text(rego)], None, &[]).unwrap()
}

/// The findings of one policy in one file, as `line rule`.
#[track_caller]
fn check(rego: &str, definition: &str, expected: &[&str]) {
    let subject = Subject { path: "shop/Dockerfile", project: "shop" };
    let verdict = policy(rego).judge(&Dockerfile::read(definition), subject, LIMIT).unwrap();
    let found: Vec<String> =
        verdict.findings.iter().map(|finding| format!("{} {}", finding.line, finding.rule)).collect();
    assert_eq!(found, expected, "{:#?}", verdict.findings);
}

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("../fixtures/", $name, ".rego"))
    };
}

#[test]
fn policies_run_as_they_are() {
    let latest = fixture!("latest");
    check(latest, "FROM a:1 AS x\nFROM x\n\nFROM b:LATEST\n", &["4 main.deny_latest"]);
    check(latest, "# latest\nFROM b:1\n", &[]);
    check(fixture!("untagged_v0"), "FROM a\nFROM scratch\nFROM b:1\n", &["1 main.deny"]);
    check(fixture!("sudo_v0"), "FROM a\nRUN apt \\\n  && SUDO x\n", &["1 main.deny"]);
    check(fixture!("sudo_v0"), "FROM a\nRUN [\"sudo\", \"x\"]\nRUN true\n", &["1 main.deny"]);
    check(fixture!("user"), "FROM a\n", &["1 main.deny_root"]);
    check(fixture!("user"), "FROM a\nUSER app\nUSER root:root\n", &["3 main.deny_root"]);
    check(fixture!("user"), "FROM a\nUSER root\nUSER app\n", &[]);
    check(fixture!("labels"), "FROM a\nLABEL maintainer=\"x\"\n", &["1 main.violation_labels"]);
    let labelled = "FROM a\nLABEL maintainer=x \\\n \"org.opencontainers.image.source\"=y\n";
    check(fixture!("labels"), labelled, &[]);
    check(fixture!("ports_v0"), "FROM a\nEXPOSE 80 22/tcp\nEXPOSE 443\n", &["1 main.warn_ports"]);
    check(
        fixture!("secrets"),
        "FROM a\nENV A=1 DB_PASSWORD=x\nARG token\n",
        &["2 main.deny_secrets", "3 main.deny_secrets"],
    );
    check(fixture!("add"), "FROM a\nADD x y\nADD http://h/x y\n", &["2 main.warn"]);
    check(fixture!("pipes_v0"), "FROM a\nRUN curl h | sh\nRUN curl h\n", &["1 main.deny_pipe"]);
    check(fixture!("registries"), "FROM registry.example/a:1\n\nFROM b:1\n", &["3 main.deny_registry"]);
    check(fixture!("healthcheck"), "FROM a\n", &["1 main.warn_healthcheck"]);
    check(fixture!("healthcheck"), "FROM a\nHEALTHCHECK NONE\n", &[]);
    check(
        fixture!("copy_from"),
        "FROM a AS x\nCOPY --from=x / /\nCOPY --chown=1 --from=r.io/b / /\n",
        &["3 main.deny_copy"],
    );
    check(fixture!("onbuild"), "FROM a\nONBUILD RUN x\nONBUILD COPY x y\n", &["2 main.deny_onbuild"]);
}

#[test]
fn a_policy_may_except_what_it_denies() {
    let file = Dockerfile::read("FROM b:1\n");
    let subject = Subject { path: "Dockerfile", project: "sandbox" };
    let verdict = policy(fixture!("registries")).judge(&file, subject, LIMIT).unwrap();
    assert_eq!((verdict.findings.len(), verdict.excepted), (0, vec!["main.deny_registry".to_owned()]));
}

#[test]
fn the_input_is_conftests() {
    let definition = "# syntax=docker/dockerfile:1\n# away\n#\n# base\nFROM  a:1   As x\nENV A=1 B=\"2 3\"\nENV C d e\nARG F G=\"1\"\n\
                      RUN --mount=type=cache,target=/x --network=none <<E cat\nhi\nE\nCMD [\"a\", \"b c\"]\nHEALTHCHECK --interval=5s CMD [\"x\"]\n\
                      HEALTHCHECK NONE\nFROM x\nOnBuild Run  a  b\nCOPY [\"a b\", \"c\"]\nENTRYPOINT []\nRUN a \\\n# in\n\n  b\nEXPOSE 1 2/tcp\n# end\n";
    let input = input::of(&Dockerfile::read(definition));
    let command = |cmd: &str,
                   sub: &str,
                   json: bool,
                   flags: serde_json::Value,
                   value: serde_json::Value,
                   stage: u32| {
        json!({"Cmd": cmd, "SubCmd": sub, "JSON": json, "Flags": flags, "Value": value, "Stage": stage})
    };
    let expected = [
        (4, command("comment", "", false, json!(null), json!(["base"]), 0)),
        (5, command("from", "", false, json!([]), json!(["a:1", "As", "x"]), 0)),
        (6, command("env", "", false, json!([]), json!(["A", "1", "=", "B", "\"2 3\"", "="]), 0)),
        (7, command("env", "", false, json!([]), json!(["C", "d e", ""]), 0)),
        (8, command("arg", "", false, json!([]), json!(["F", "G=\"1\""]), 0)),
        (
            9,
            command(
                "run",
                "",
                false,
                json!(["--mount=type=cache,target=/x", "--network=none"]),
                json!(["<<E cat"]),
                0,
            ),
        ),
        (12, command("cmd", "", true, json!([]), json!(["a", "b c"]), 0)),
        (13, command("healthcheck", "", true, json!(["--interval=5s"]), json!(["CMD", "x"]), 0)),
        (14, command("healthcheck", "", false, json!([]), json!(["NONE"]), 0)),
        (15, command("from", "", false, json!([]), json!(["x"]), 1)),
        (16, command("onbuild", "Run", false, json!([]), json!(["a  b"]), 1)),
        (17, command("copy", "", true, json!([]), json!(["a b", "c"]), 1)),
        (18, command("entrypoint", "", true, json!([]), json!(null), 1)),
        (19, command("run", "", false, json!([]), json!(["a   b"]), 1)),
        (23, command("expose", "", false, json!([]), json!(["1", "2/tcp"]), 1)),
    ];
    let found: Vec<_> = input.lines.into_iter().zip(input.commands).collect();
    assert_eq!(found, expected);
}

#[test]
fn unit_tests_pass_fail_and_wait() {
    let policy = policy(fixture!("onbuild"));
    let tests = policy.tests();
    let outcome = |test: &crate::TestResult| match test.outcome {
        Outcome::Skipped => Outcome::Skipped,
        _ => policy.run_test(&test.name, LIMIT),
    };
    let found: Vec<_> = tests.iter().map(|test| (test.name.as_str(), test.line, outcome(test))).collect();
    let expected = [
        ("main.test_run_is_told", 12, Outcome::Passed),
        ("main.test_copy_is_not", 17, Outcome::Passed),
        ("main.test_wrong", 21, Outcome::Failed),
        ("main.todo_test_later", 23, Outcome::Skipped),
    ];
    assert_eq!(found, expected);
}

#[track_caller]
fn check_mistake(rego: &str, place: Option<(usize, usize)>) -> Mistake {
    let compiled = Policy::compile(&[text(rego)], None, &[]);
    let mistake = compiled.and_then(|policy| policy.try_out()).unwrap_err();
    let found = match &mistake {
        Mistake::Syntax { file, line, column, .. } => {
            assert_eq!(file, "policy.rego");
            Some((*line, *column))
        }
        _ => None,
    };
    assert_eq!(found, place, "{mistake}");
    mistake
}

#[test]
fn what_does_not_compile_says_where() {
    check_mistake("package main\nimport rego.v1\ndeny contains x if {\n  x := \n}\n", Some((4, 5)));
    check_mistake("package main\ndeny[msg] {\n  msg = sprintf(\"a\", [])\n  ]\n}\n", Some((4, 3)));
    check_mistake("package main\nimport rego.v1\ndeny contains x if {\n  x := y\n}\n", Some((4, 8)));
    check_mistake("package main\nimport rego.v1\ndeny contains x if {\n  x := no_such(1)\n}\n", Some((4, 8)));
    let mute = check_mistake("package main\nimport rego.v1\ndeny if input[0].Cmd == \"from\"\n", None);
    assert!(matches!(mute, Mistake::Mute { line: 3, .. }), "{mute}");
    let silent = check_mistake("package other\nimport rego.v1\ndeny contains \"x\" if true\n", None);
    assert!(silent.to_string().contains("other"), "{silent}");
    check_mistake("", Some((1, 1)));
}

#[test]
fn namespaces_choose_and_libraries_are_shared() {
    let library = text(
        "package lib.words\nimport rego.v1\nbad(x) if contains(x, \"sudo\")\ndeny contains \"never asked\" if true\n",
    );
    let team = text(
        "package team\nimport rego.v1\nimport data.lib.words\nwarn contains \"w\" if { some c in input; words.bad(c.Value[0]); c.Value[0] != data.allowed }\n",
    );
    let texts = [library, team];
    let policy = Policy::compile(&texts, Some(r#"{"allowed": "sudo b"}"#), &["team".to_owned()]).unwrap();
    assert_eq!(policy.rules(), ["team.warn"]);
    let judged =
        |definition| policy.judge(&Dockerfile::read(definition), Subject::default(), LIMIT).unwrap().findings;
    assert_eq!(judged("FROM a\nRUN sudo a\n")[0].kind, Kind::Warn);
    assert!(judged("FROM a\nRUN sudo b\n").is_empty());
    assert!(Policy::compile(&texts, Some("[1"), &["team".to_owned()]).is_err());
}

#[test]
fn what_never_ends_is_stopped() {
    let endless = "package main\nimport rego.v1\ndeny contains x if {\n  some a in numbers.range(1, 2000)\n  some b in numbers.range(1, 2000)\n  some c in numbers.range(1, 2000)\n  a + b + c == 1\n  x := \"y\"\n}\n";
    let limit = Duration::from_millis(100);
    let begun = Instant::now();
    let fault = policy(endless).judge(&Dockerfile::read("FROM a\n"), Subject::default(), limit).unwrap_err();
    assert!(matches!(fault, Fault::Stopped { .. }), "{fault}");
    assert!(begun.elapsed() < LIMIT);
}

#[test]
fn what_is_no_set_or_list_is_no_verdict() {
    let judge = |body: &str| {
        let rego = format!("package main\nimport rego.v1\n{body}\n");
        policy(&rego).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT)
    };
    for wrong in [
        "deny := \"text\" if true",
        "deny := {\"msg\": \"x\"} if true",
        "deny[msg] := true if some msg in [\"x\"]",
        "deny[msg] if some msg in [\"x\"]",
        "deny := 1 if true",
        "default deny := false\ndeny := [\"x\"] if false",
        "default warn := true",
    ] {
        match judge(wrong) {
            Err(Fault::Kind { rule }) => {
                assert!(["main.deny", "main.warn"].contains(&rule.as_str()), "{rule}")
            }
            other => panic!("{wrong}: {other:?}"),
        }
    }
    // Nothing to say, and messages in either form.
    for (right, findings) in [
        ("deny := [\"x\", {\"msg\": \"y\"}] if true", 2),
        ("deny contains \"x\" if true", 1),
        ("deny := [\"x\"] if false", 0),
        ("default deny := []\ndeny := [\"x\"] if false", 0),
    ] {
        assert_eq!(judge(right).unwrap().findings.len(), findings, "{right}");
    }
}

#[test]
fn what_contradicts_itself_is_no_verdict() {
    let two = "package main\nimport rego.v1\nx := 1 if true\nx := 2 if count(input) > 1\ndeny contains \"a\" if x == 1\n";
    let fault =
        policy(two).judge(&Dockerfile::read("FROM a\nRUN b\n"), Subject::default(), LIMIT).unwrap_err();
    assert!(matches!(fault, Fault::Failed { .. }), "{fault}");
    let many = "package main\nimport rego.v1\ndeny contains x if some x in numbers.range(1, 2000)\n";
    let fault = policy(many).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT).unwrap_err();
    assert_eq!(fault, Fault::TooMany);
}

fn wrap(body: &str) -> String {
    format!("package main\nimport rego.v1\ndeny contains \"a\" if {{\n{body}\n}}\n")
}

/// Rules that the engine's parser does not bound by itself. The guard is asked first: what it would let through ends the process or never ends, and
/// tells nobody why.
#[test]
fn chains_are_mistakes_that_say_where() {
    for body in [
        format!("x := {}1", "-".repeat(5_000)),
        format!("x := 1{}", " + 1".repeat(3_000)),
        format!("x := 1{}", " +\n1".repeat(3_000)),
        format!("x := 1{}", "\n+ 1".repeat(3_000)),
        format!("x := 1{}", " # c\n+ 1".repeat(3_000)),
        format!("x := {}1{}", "[".repeat(5_000), "]".repeat(5_000)),
        format!("x := input{}", "[0]".repeat(5_000)),
        format!("x := input{}", ".a".repeat(5_000)),
        format!("{}true", "not ".repeat(3_000)),
        format!("{}true", "not\n".repeat(3_000)),
        format!("x := 1{}", " in 1".repeat(3_000)),
    ] {
        let rego = wrap(&body);
        let begin: String = body.chars().take(20).collect();
        assert!(weight::too_heavy(&rego).is_some_and(|line| line >= 4), "let through: {begin}…");
        let mistake = compile_in_time(&rego).unwrap_or_else(|| panic!("the guard is not asked: {begin}…"));
        assert!(matches!(mistake, Err(Mistake::Syntax { line: 4.., .. })), "{begin}…: {mistake:?}");
    }
}

#[test]
fn long_rules_that_people_write_are_answered() {
    for body in [format!("x := 1{}", " + 1".repeat(400)), format!("x := input{}", ".a".repeat(800))] {
        assert_eq!(weight::too_heavy(&wrap(&body)), None);
        let _ = policy(&wrap(&body)).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT);
    }
}

/// Compiles aside, so that what never ends is a failure and no silence; none where it does not end.
fn compile_in_time(rego: &str) -> Option<Result<Policy, Mistake>> {
    let (tell, told) = std::sync::mpsc::channel();
    let text = text(rego);
    std::thread::spawn(move || tell.send(Policy::compile(&[text], None, &[])).is_ok());
    told.recv_timeout(LIMIT).ok()
}

#[test]
fn names_follow_conftest() {
    for (name, kind) in [
        ("deny", Some(Kind::Deny)),
        ("violation_a_b2", Some(Kind::Deny)),
        ("warn_x", Some(Kind::Warn)),
        ("deny_", None),
        ("denylist", None),
        ("warning", None),
    ] {
        assert_eq!(Kind::of(name), kind, "{name}");
    }
}

/// A message that cannot be made must not make its `deny` undefined: OPA's `sprintf` always yields a text.
#[test]
fn a_message_that_does_not_fit_denies_all_the_same() {
    for message in [
        r#"sprintf("%s and %s", ["a"])"#,
        r#"sprintf("%s", ["a", "b", 1])"#,
        r#"sprintf("is 100% not ours: %s", ["a"])"#,
        r#"sprintf("100%", [])"#,
        r#"sprintf("%d", [1.5])"#,
        r#"sprintf("%+v", [input])"#,
    ] {
        let rego = format!("package main\nimport rego.v1\ndeny contains msg if {{\n  msg := {message}\n}}\n");
        let verdict = policy(&rego).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT).unwrap();
        assert_eq!(verdict.findings.len(), 1, "{message}");
    }
    let wide = "package main\nimport rego.v1\ndeny contains sprintf(\"%9999999d\", [1]) if true\n";
    let judged = policy(wide).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT);
    assert!(matches!(judged, Err(Fault::Failed { .. })), "{judged:?}");
}

/// Of each pair of calls the first holds and the second does not: a function that is not there would make both fail.
#[track_caller]
fn check_calls(calls: &[(&str, &str)]) {
    for (holds, fails) in calls {
        let rego = |call: &str| format!("package main\ndeny[msg] {{\n  {call}\n  msg = \"x\"\n}}\n");
        check(&rego(holds), "FROM a\n", &["1 main.deny"]);
        check(&rego(fails), "FROM a\n", &[]);
    }
}

#[test]
fn what_rego_v1_took_back_runs_as_it_did() {
    check_calls(&[
        ("all([true, 1 == 1])", "all({true, false})"),
        ("any([false, true])", "any([])"),
        ("re_match(`(?i)^APT(-get)?$`, \"apt-get\")", "re_match(`^apt$`, \"apt-get\")"),
        ("set_diff({1, 2}, {2}) == {1}", "set_diff({1}, {2}) == {2}"),
        ("cast_array({2, 1}) == [1, 2]", "cast_array(\"a\")"),
        ("cast_set([2, 1, 2]) == {1, 2}", "cast_set(1)"),
        ("cast_string(\"a\") == \"a\"", "cast_string(1)"),
        ("cast_boolean(true)", "cast_boolean(1)"),
        ("cast_null(null) == null", "cast_null(false)"),
        ("cast_object({}) == {}", "cast_object([])"),
    ]);
}

#[test]
fn functions_answer_as_opas_do() {
    check_calls(&[
        ("regex.split(`,`, \"a,b\") == [\"a\", \"b\"]", "regex.split(`,`, \"a\") == []"),
        ("regex.split(``, \"ab\") == [\"a\", \"b\"]", "regex.split(`b`, \"ab\") == [\"a\"]"),
        ("regex.replace(\"a.b\", `\\.`, \"-\") == \"a-b\"", "regex.replace(1, `a`, \"b\")"),
        ("regex.find_n(`\\d`, \"1a2\", 1) == [\"1\"]", "regex.find_n(`\\d`, \"a\", -1) == [\"\"]"),
        ("regex.find_all_string_submatch_n(`a(b)?`, \"a\", -1) == [[\"a\", \"\"]]", "regex.is_valid(`(`)"),
        ("yaml.unmarshal(\"a: 1\").a == 1", "yaml.is_valid(\"a: [\")"),
        (
            "net.cidr_contains(\"10.0.0.0/8\", \"10.1.2.3\")",
            "net.cidr_contains(\"10.0.0.0/8\", \"11.1.2.3\")",
        ),
    ]);
}

/// What Go reads in its own way, with a text that matches and one that does not.
#[test]
fn regular_expressions_are_gos() {
    for (pattern, yes, no) in [
        (r"^\${[^}]+}", "${BASE}", "$BASE"),
        (r"^\${?[A-Za-z_]+}?$", "${BASE}", "${}"),
        (r"^{{.*}}$", "{{x}}", "{x}"),
        (r"^a{$", "a{", "a"),
        (r"^a{,2}$", "a{,2}", "aa"),
        (r"^a{2,3}$", "aa", "a"),
        (r"^a{2}{$", "aa{", "aa"),
        (r"^[\w-.]+$", "a-b.c", "a:b"),
        (r"^[[]$", "[", "]"),
        (r"^[^[]$", "]", "["),
        (r"^[a[b]$", "[", "c"),
        (r"^[]a]$", "]", "b"),
        (r"^[a&&b]$", "&", "c"),
        (r"^[a-c-e]$", "-", "d"),
        (r"^[+--]$", ",", "."),
        (r"^[[:alpha:]_]$", "_", ":"),
        (r"^[^\W_]$", "a", "_"),
        (r"^[\pL]$", "ï", "1"),
        (r"^\x{41}\x42$", "AB", "ab"),
        (r"^\Qhttp://\E$", "http://", "http:/"),
        (r"^\012$", "\n", "012"),
        (r"^\<a\>$", "<a>", "a"),
        (r"^\w+$", "naive", "naïve"),
        (r"^\d$", "3", "٣"),
        (r"^\S$", "\u{a0}", " "),
        (r"\bna\b", "naïve", "nave"),
        (r"^(?i)APT(-get)?$", "apt-GET", "apt-"),
        (r"^[\w][\w.-]{0,127}$", "v1.2-rc", "-v1"),
        (r"^\p{Greek}}$", "α}", "a}"),
    ] {
        let rego = format!(
            "package main\nimport rego.v1\ndeny contains x if {{\n  some x in [\"yes\", \"no\"]\n  regex.match(`{pattern}`, data.texts[x])\n}}\n"
        );
        let data = json!({"texts": {"yes": yes, "no": no}}).to_string();
        let policy = Policy::compile(&[text(&rego)], Some(&data), &[]).unwrap();
        let verdict = policy.judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT).unwrap();
        let said: Vec<&str> = verdict.findings.iter().map(|finding| finding.message.as_str()).collect();
        assert_eq!(said, ["yes"], "{pattern}");
    }
}

/// What would be undefined, and a `deny` with it a yes.
#[test]
fn a_call_that_nobody_can_answer_has_no_verdict() {
    for call in [
        "sprintf(\"%s is bad\", \"a\")",
        "sprintf(1, [\"a\"])",
        "sprintf(\"%.70000f\", [1.5])",
        "regex.match(`(`, \"a\")",
        "re_match(`[`, \"a\")",
        "parse_config(\"yaml\", \"a: 1\")",
    ] {
        let rego = format!("package main\ndeny[msg] {{\n  {call}\n  msg = \"x\"\n}}\n");
        let judged = policy(&rego).judge(&Dockerfile::read("FROM a\n"), Subject::default(), LIMIT);
        assert!(matches!(judged, Err(Fault::Failed { .. })), "{call}: {judged:?}");
    }
}

#[test]
fn data_takes_no_rules_place() {
    let rego = text("package main\nimport rego.v1\ndeny contains \"x\" if true\n");
    for data in [r#"{"main": {"deny": []}}"#, r#"{"main": {"deny": ["z"]}}"#] {
        let mistake = Policy::compile(std::slice::from_ref(&rego), Some(data), &[]).unwrap_err();
        assert!(mistake.to_string().contains("main.deny"), "{mistake}");
    }
    assert!(Policy::compile(&[rego], Some(r#"{"main": {"denied": []}, "deny": 1}"#), &[]).is_ok());
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_module() {
    check("\u{feff}package main\ndeny[m] { m := \"b\" }\n", "FROM a\n", &["1 main.deny"]);
}
