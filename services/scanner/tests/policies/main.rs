//! Policies asked by the scanner's own program as the child: hostile ones end at their bound, and the asker lives.

#![cfg(test)]

use std::path::PathBuf;

use evaluator::{Config, Evaluator, Mistaken, Question, Unanswered};
use tempfile::TempDir;
use verdict::order::{Module, Rego};

const QUESTION: Question<'static> =
    Question { definition: "FROM a:latest\nRUN x\n", path: "deploy/Dockerfile", project: "shop" };

/// Bounds that are soon reached.
const SMALL: Config = Config { memory_mib: 384, processor_seconds: 1, answer_seconds: 30, at_once: 2 };

fn rego(body: &str) -> Rego {
    let text = format!("package main\nimport rego.v1\n{body}\n");
    let modules = vec![Module { file: "p.rego".to_owned(), text }];
    Rego {
        modules,
        data: Some("{\"tag\":\":latest\"}".to_owned()),
        namespaces: vec![],
        levels: [].into(),
        dry_run: vec![],
    }
}

fn scanner(config: Config) -> Evaluator {
    Evaluator::with_program(PathBuf::from(env!("CARGO_BIN_EXE_scanner")), config)
}

#[tokio::test]
async fn a_policy_answers_with_lines_and_is_told_of_path_and_project() {
    let policy = rego(
        "deny_latest contains {\"msg\": sprintf(\"%s in %s of %s\", [c.Value[0], data.conftest.file.dir, data.plimsoll.project]), \"_index\": i} if {\n  some i, c in input\n  c.Cmd == \"from\"\n  endswith(c.Value[0], data.tag)\n}\nwarn contains \"w\" if count(input) == 2",
    );
    let evaluator = scanner(Config::default());
    assert_eq!(evaluator.compile(&policy).await.unwrap(), ["main.deny_latest", "main.warn"]);
    let answer = evaluator.judge(&policy, QUESTION).await.unwrap();
    let found: Vec<_> = answer
        .findings
        .iter()
        .map(|found| (found.rule.as_str(), found.denies, found.message.as_str()))
        .collect();
    assert_eq!(found, [("main.deny_latest", true, "a:latest in deploy of shop"), ("main.warn", false, "w")]);
}

#[tokio::test]
async fn what_wants_more_memory_than_it_may_is_stopped() {
    // Each step doubles the text; no rule is long.
    let doubling: String =
        (1..40).map(|n| format!("s{n} := concat(\"\", [s{}, s{}])\n", n - 1, n - 1)).collect();
    let policy =
        rego(&format!("s0 := \"0123456789abcdef\"\n{doubling}deny contains \"x\" if startswith(s39, \"1\")"));
    let unanswered = scanner(SMALL).judge(&policy, QUESTION).await.unwrap_err();
    assert!(matches!(unanswered, Unanswered::Large(384)), "{unanswered}");
}

#[tokio::test]
async fn what_computes_longer_than_it_may_is_stopped() {
    let policy = rego(
        "deny contains \"x\" if {\n  some a in numbers.range(1, 3000)\n  some b in numbers.range(1, 3000)\n  some c in numbers.range(1, 3000)\n  a + b + c == 1\n}",
    );
    let unanswered = scanner(SMALL).judge(&policy, QUESTION).await.unwrap_err();
    // The engine stops the rule at its share; where a builtin does not let it, the kernel stops the process.
    assert!(matches!(unanswered, Unanswered::Fault(_) | Unanswered::Costly(_)), "{unanswered}");
    assert!(
        unanswered.to_string().contains("main.deny") || unanswered.to_string().contains("1 s"),
        "{unanswered}"
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_a_mistake_with_its_place_and_evaluates_nothing() {
    let mistaken = scanner(SMALL).compile(&rego("deny contains x if {")).await.unwrap_err();
    assert!(mistaken.to_string().contains("p.rego:"), "{mistaken}");
    // Evaluated it would not end; it is only read.
    let endless = rego(
        "deny contains \"x\" if { some a in numbers.range(1, 100000); some b in numbers.range(1, 100000); a + b == 1 }",
    );
    assert_eq!(scanner(SMALL).compile(&endless).await.unwrap(), ["main.deny"]);
}

/// A child that misbehaves as no policy can be made to, every time; removed with the folder.
fn misbehaving(script: &str) -> (TempDir, Evaluator) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("child");
    testkit::script::write(&program, &format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
    let config = Config { answer_seconds: 2, ..SMALL };
    (folder, Evaluator::with_program(program, config))
}

async fn misbehaves(script: &str) -> Unanswered {
    let (_folder, evaluator) = misbehaving(script);
    evaluator.judge(&rego("deny contains \"x\""), QUESTION).await.unwrap_err()
}

#[tokio::test]
async fn an_answer_to_another_question_is_none() {
    let verdict = "echo '{\"Verdict\":{\"findings\":[],\"excepted\":[]}}'";
    for (asked, script) in
        [("judge", "echo '{\"Rules\":[]}'"), ("compile", verdict), ("compile", "echo '{\"Fault\":\"x\"}'")]
    {
        let (_folder, evaluator) = misbehaving(script);
        let policy = rego("deny contains \"x\"");
        let unanswered = match asked {
            "judge" => evaluator.judge(&policy, QUESTION).await.err(),
            _ => evaluator.compile(&policy).await.err().and_then(|mistaken| match mistaken {
                Mistaken::Unfit(unanswered) => Some(unanswered),
                Mistaken::Stranger { .. } | Mistaken::Start(_) => None,
            }),
        };
        assert!(matches!(unanswered, Some(Unanswered::Confused)), "{script}: {unanswered:?}");
    }
}

#[test]
fn bounds_that_cannot_work_are_named_with_what_can() {
    let read = |text: &str| toml::from_str::<Config>(text).map_err(|error| error.to_string());
    assert!(read("memory_mib = 384\nprocessor_seconds = 1\nat_once = 1").is_ok());
    for (wrong, way_out) in [
        ("memory_mib = 0", "256"),
        ("memory_mib = 17592186044416", "65536"),
        ("processor_seconds = 0", "1"),
        ("processor_seconds = 18446744073709551", "600"),
        ("answer_seconds = 0", "1"),
        ("answer_seconds = 86400", "3600"),
        ("at_once = 0", "1"),
        ("at_once = 1000000", "256"),
    ] {
        let error = read(wrong).unwrap_err();
        assert!(error.contains(wrong) && error.contains(way_out), "{wrong}: {error}");
    }
}

#[tokio::test]
async fn the_least_memory_is_enough_for_a_policy() {
    let config = Config { memory_mib: 256, ..Config::default() };
    let answer = scanner(config).judge(&rego("deny contains \"x\" if count(input) > 1"), QUESTION).await;
    assert_eq!(answer.unwrap().findings.len(), 1);
}

#[tokio::test]
async fn however_a_child_ends_its_asker_is_told() {
    assert!(matches!(misbehaves("exec sleep 1000").await, Unanswered::Late(_)));
    assert!(matches!(misbehaves("kill -XCPU $$").await, Unanswered::Costly(_)));
    assert!(matches!(misbehaves("exec yes").await, Unanswered::Long));
    assert!(matches!(misbehaves("kill -SEGV $$").await, Unanswered::Broke { .. }));
    assert!(matches!(misbehaves("echo none").await, Unanswered::Broke { .. }));
    assert!(matches!(misbehaves("exit 3").await, Unanswered::Broke { .. }));
    let program = PathBuf::from("/no/such/program");
    let none = Evaluator::with_program(program, SMALL).judge(&rego("deny contains \"x\""), QUESTION).await;
    assert!(matches!(none, Err(Unanswered::Start(_))));
}
