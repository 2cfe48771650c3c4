//! Policies asked by every program that is called to be the child: each has an allocator and libraries of its own, and one bound holds for all.

use evaluator::{Config, Evaluator, Question, Unanswered};
use tests::world::program;
use verdict::order::{Module, Rego};

const QUESTION: Question<'static> = Question { definition: "FROM a\n", path: "Dockerfile", project: "shop" };

fn rego(body: &str) -> Rego {
    let text = format!("package main\nimport rego.v1\n{body}\n");
    Rego {
        modules: vec![Module { file: "p.rego".to_owned(), text }],
        data: None,
        namespaces: vec![],
        levels: [].into(),
        dry_run: vec![],
    }
}

#[tokio::test]
async fn a_child_has_room_for_a_policy_and_not_for_a_hungry_one() {
    let doubling: String =
        (1..40).map(|n| format!("s{n} := concat(\"\", [s{}, s{}])\n", n - 1, n - 1)).collect();
    let hungry =
        rego(&format!("s0 := \"0123456789abcdef\"\n{doubling}deny contains \"x\" if startswith(s39, \"1\")"));
    for name in ["plimsoll", "scanner", "invalidator"] {
        let evaluator = Evaluator::with_program(program(name), Config::default());
        let answer =
            evaluator.judge(&rego("deny contains \"no\" if input[0].Cmd == \"from\""), QUESTION).await;
        assert_eq!(answer.unwrap().findings.len(), 1, "{name}");
        let unanswered = evaluator.judge(&hungry, QUESTION).await.unwrap_err();
        assert!(matches!(unanswered, Unanswered::Large(512)), "{name}: {unanswered}");
    }
}
