//! Dependencies point downward only, and each outside part is named where it belongs.

use std::{collections::BTreeMap, path::PathBuf, process::Command};

use serde_json::Value;

/// The layer of each crate; a crate may depend on lower ones, and on its own layer only where [`BESIDE`] says so.
const LAYERS: &[(u8, &[&str])] = &[
    (0, &["proto"]),
    (1, &["artifact"]),
    (2, &["dockerfile", "lineage", "verdict", "lint", "policy"]),
    (3, &["events"]),
    (
        4,
        &[
            "telemetry",
            "bus",
            "registry",
            "containers",
            "store",
            "child",
            "source",
            "shellcheck",
            "evaluator",
        ],
    ),
    (5, &["service", "testkit"]),
    (6, &["watcher", "scanner", "builder", "invalidator", "gate", "remediator", "notifier"]),
    (7, &["cli"]),
    (8, &["tests", "differential"]),
];

/// Neighbours in one layer that may know each other: (who, whom).
const BESIDE: &[(&str, &str)] = &[
    ("lint", "dockerfile"),
    ("lint", "verdict"),
    ("policy", "dockerfile"),
    ("verdict", "lineage"),
    ("bus", "telemetry"),
    ("source", "child"),
    ("shellcheck", "child"),
    ("evaluator", "child"),
];

/// Outside parts that only these crates may name.
const OWNED: &[(&str, &[&str])] = &[
    ("async-nats", &["bus"]),
    ("proto", &["events", "scanner", "tests"]),
    ("oci-client", &["registry"]),
    ("sled", &["store"]),
    ("regorus", &["policy"]),
    ("bollard", &["containers"]),
];

/// Crates that must stay pure: no runtime, no network, no derived wire forms. Reading JSON that stands in a definition is reading.
const PURE: &[&str] = &["artifact", "dockerfile", "lineage", "verdict", "lint", "policy"];
const IMPURE_PARTS: &[&str] = &["tokio", "async-nats", "reqwest", "axum", "serde", "proto", "tracing"];

fn layer(name: &str) -> u8 {
    let found = LAYERS.iter().find(|(_, names)| names.contains(&name));
    found
        .map(|(layer, _)| *layer)
        .unwrap_or_else(|| panic!("{name} stands in no layer; add it to LAYERS with its reason"))
}

/// Every workspace crate with its ordinary dependencies; those of tests alone may point anywhere.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .current_dir(root)
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let ordinary = |dependency: &&Value| dependency["kind"].is_null();
            let names = package["dependencies"].as_array().unwrap().iter().filter(ordinary);
            let names = names.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn dependencies_point_downward() {
    let crates = dependencies();
    let mut wrong = Vec::new();
    for (name, uses) in &crates {
        for used in uses.iter().filter(|used| crates.contains_key(*used)) {
            let beside = BESIDE.contains(&(name.as_str(), used.as_str()));
            if layer(used) >= layer(name) && !beside {
                wrong.push(format!("{name} -> {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these point upward or sideways: {wrong:?}");
}

#[test]
fn outside_parts_are_named_where_they_belong() {
    for (name, uses) in dependencies() {
        for (part, owners) in OWNED {
            assert!(
                !uses.iter().any(|used| used == part) || owners.contains(&name.as_str()),
                "{name} names {part}"
            );
        }
        if PURE.contains(&name.as_str()) {
            let impure: Vec<_> = uses.iter().filter(|used| IMPURE_PARTS.contains(&used.as_str())).collect();
            assert!(impure.is_empty(), "{name} decides, and must not know {impure:?}");
        }
    }
}
