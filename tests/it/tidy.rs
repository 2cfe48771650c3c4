//! What STYLE.md asks for and a machine can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A file that is longer answers two questions.
const LONGEST_FILE: usize = 500;
/// A `main` that is longer decides something.
const LONGEST_MAIN: usize = 25;
/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["common", "core", "utils", "util", "helpers", "manager", "types", "misc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), &mut found);
    found
}

#[track_caller]
fn none(what: &str, wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{what}:\n{}", wrong.join("\n"));
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn every_file_says_first_what_it_is() {
    let wrong = sources().into_iter().filter(|path| !fs::read_to_string(path).unwrap().starts_with("//! "));
    none("no first line that says what the file is", wrong.map(|path| shown(&path)).collect());
}

#[test]
fn no_file_answers_two_questions() {
    let lines = |path: &Path| fs::read_to_string(path).unwrap().lines().count();
    let wrong = sources().into_iter().filter(|path| lines(path) > LONGEST_FILE);
    none(
        "longer than a file should be",
        wrong.map(|path| format!("{} has {}", shown(&path), lines(&path))).collect(),
    );
}

#[test]
fn a_main_decides_nothing() {
    let services = root().join("services");
    for entry in fs::read_dir(services).unwrap().map(Result::unwrap) {
        let main = entry.path().join("src/main.rs");
        if entry.file_name() != "cli" && main.exists() {
            assert!(fs::read_to_string(&main).unwrap().lines().count() <= LONGEST_MAIN, "{}", shown(&main));
        }
    }
}

#[test]
fn names_say_something() {
    let wrong = sources().into_iter().filter(|path| {
        path.iter().any(|part| EMPTY_NAMES.contains(&part.to_string_lossy().trim_end_matches(".rs")))
    });
    none("a name that says nothing", wrong.map(|path| shown(&path)).collect());
}

#[test]
fn every_crate_is_held_to_the_lints() {
    let manifests =
        ["shared", "services"].into_iter().flat_map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let wrong = manifests
        .map(|entry| entry.unwrap().path().join("Cargo.toml"))
        .filter(|manifest| !fs::read_to_string(manifest).unwrap().contains("[lints]\nworkspace = true"));
    none("not held to the workspace's lints", wrong.map(|path| shown(&path)).collect());
}

#[test]
fn nothing_is_left_for_later_and_no_test_is_skipped() {
    let marks = [
        ["TO", "DO"].concat(),
        ["FIX", "ME"].concat(),
        ["#[ig", "nore"].concat(),
        ["should_", "panic"].concat(),
    ];
    let mut wrong = Vec::new();
    for path in sources() {
        for (number, line) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark.as_str())) {
                wrong.push(format!("{}:{}", shown(&path), number + 1));
            }
        }
    }
    none("unfinished", wrong);
}

#[test]
fn every_role_has_a_configuration_to_start_from() {
    let folder = root().join("deploy/roles");
    let mut found: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    found.sort();
    let mut wanted: Vec<String> =
        events::topology::Role::ALL.iter().map(|role| format!("{role}.toml")).collect();
    wanted.sort();
    assert_eq!(found, wanted);
}
