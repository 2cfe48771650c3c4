//! `deploy/up.toml` shows every key there is, and nothing else.

use std::fs;

use super::*;
use crate::roles;

const SHOWN: &str = include_str!("../../../../../deploy/up.toml");

/// The sections of the file as they would be with every key that is shown only.
fn with_every_key() -> String {
    let uncommented = |line: &str| {
        let key = line.strip_prefix("# ").filter(|rest| rest.starts_with('[') || rest.contains(" = "));
        key.unwrap_or(line).to_owned()
    };
    SHOWN.lines().map(uncommented).collect::<Vec<_>>().join("\n")
}

fn written(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

/// The configuration of every role under the plan of this text.
fn role_files(text: &str) -> (tempfile::TempDir, Vec<Prepared>) {
    let folder = tempfile::tempdir().unwrap();
    let layout = Layout::make(&folder.path().join("data")).unwrap();
    let mut plan = Plan::read(Some(written(text).path())).unwrap();
    plan.up.roles = Role::ALL.to_vec();
    let prepared = plan.roles(&layout, &Keyring::new(layout.keys()), "nats://127.0.0.1:1").unwrap();
    (folder, prepared)
}

#[test]
fn every_key_that_is_shown_is_understood() {
    for text in [SHOWN.to_owned(), with_every_key()] {
        for Prepared { role, config, .. } in role_files(&text).1 {
            assert_eq!(roles::check(role, &config).map_err(|mistakes| mistakes.to_string()), Ok(()));
        }
    }
}

#[test]
fn every_key_that_is_understood_is_shown() {
    let shown: Table = with_every_key().parse().unwrap();
    for role in Role::ALL {
        // Who is given an unknown key says which ones there are.
        let file = written(&format!("[nats]\nurl = \"nats://127.0.0.1:1\"\n[{role}]\nno_such_key = 1\n"));
        let answer = roles::check(role, file.path()).unwrap_err().to_string();
        let expected = answer.split("expected").nth(1).unwrap_or_default();
        let keys: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        assert!(answer.contains("no_such_key"), "{answer}");
        assert!(!keys.is_empty() || expected.is_empty() || answer.contains("no fields"), "{answer}");
        let section = shown[role.as_str()].as_table().unwrap();
        let missing: Vec<&str> = keys.into_iter().filter(|key| !section.contains_key(*key)).collect();
        assert!(missing.is_empty(), "deploy/up.toml does not show {missing:?} of [{role}]: {answer}");
    }
}

#[test]
fn what_would_run_nothing_is_a_mistake_and_all_are_told() {
    let text = "[up]\nroles = []\noperators = []\nport = 0\nnode = \"a.b\"\n";
    let said = Plan::read(Some(written(text).path())).unwrap().mistakes.join("\n");
    for key in ["[up] roles", "[up] operators", "[up] port", "[up] node"] {
        assert!(said.contains(key), "{key} is missing in: {said}");
    }
}

#[test]
fn a_worker_without_slots_is_a_mistake() {
    let (_folder, prepared) = role_files("[worker]\nslots = 0\n");
    let worker = prepared.iter().find(|prepared| prepared.role == Role::Worker).unwrap();
    assert!(roles::check(Role::Worker, &worker.config).unwrap_err().to_string().contains("slots"));
}
