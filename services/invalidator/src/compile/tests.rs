//! A policy is rejected for what it does every time, and not for what the machine did once. The clock is paused: what waits for nothing else is over at once.

use std::fs;

use evaluator::Config;
use verdict::order::{Module, Rego};

use super::*;

/// What becomes of a policy whose child does this, and how often it was asked. `$seen` exists from the second time on.
async fn compiled(script: &str) -> (Result<(), String>, usize) {
    let folder = tempfile::tempdir().unwrap();
    let (program, asked) = (folder.path().join("child"), folder.path().join("asked"));
    let text = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\nasked={}\n[ -e $asked ] && seen=yes\necho x >> $asked\n{script}\n",
        asked.display()
    );
    testkit::script::write(&program, &text).unwrap();
    let evaluator = Evaluator::with_program(program, Config::default());
    let modules = vec![Module { file: "p.rego".to_owned(), text: "package main".to_owned() }];
    let rego = Rego { modules, data: None, namespaces: vec![], levels: [].into(), dry_run: vec![] };
    let compilation = Compilation { order: Sequence(1), rego };
    let modules = compile(evaluator, compilation).await.modules;
    (modules, fs::read_to_string(asked).unwrap_or_default().lines().count())
}

const READ: &str = "echo '{\"Rules\":[\"main.deny\"]}'";

#[tokio::test]
async fn what_the_machine_did_once_is_tried_again() {
    for trouble in ["kill -KILL $$", "kill -TERM $$", "exit 1"] {
        let (modules, asked) = compiled(&format!("[ $seen ] || {trouble}\n{READ}")).await;
        assert_eq!((modules, asked), (Ok(()), 2), "{trouble}");
    }
}

#[tokio::test]
async fn what_the_policy_does_every_time_rejects_it_at_once() {
    let (modules, asked) = compiled("echo '{\"Mistake\":\"p.rego:1:1: no\"}'").await;
    assert!(modules.unwrap_err().contains("p.rego:1:1"));
    assert_eq!(asked, 1);
    let (modules, asked) = compiled("kill -XCPU $$").await;
    assert!(modules.unwrap_err().contains("processor time"));
    assert_eq!(asked, 1);
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_says_so() {
    // With the clock paused, whoever sleeps is late.
    let (modules, _) = compiled("exec sleep 1000").await;
    let reason = modules.unwrap_err();
    assert!(reason.contains("8 tries") && reason.contains("order it again"), "{reason}");
}
