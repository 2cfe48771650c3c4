//! `plimsoll lint --catalog`: a developer hears what the scanner will say, before the push and without a network.

use super::{Folder, check};

const BASES: &str = r#"{"section":"bases","bases":[{"repository":"reg.example/base/os","current":"10.4.9","outdated":["<10.4.9"]}]}"#;
const PINNED: &str =
    r#"{"section":"bases","bases":[{"repository":"reg.example/base/os","current":"10.4.9","pin":true}]}"#;
const DOORS: &str = r#"{"section":"doors","doors":{"from":"enforce"}}"#;
const HUB: &str = r#"{"section":"replacements","replacements":[{"name":"hub","wildcard":"docker.io/library/os:*","with":"reg.example/base/os:${1}"},
    {"name":"own","exact":"docker.io/library/own:1","with":"reg.example/base/os:10.4.9"}]}"#;
const HOLDS: &str = r#"{"section":"holds","holds":[{"project":"shop","image":"reg.example/base/os:10.4.7","reason":"a driver","ticket":"OPS-7","expires":"2999-01-01T00:00:00Z"}]}"#;

/// A catalog in files, and definitions.
fn folder() -> Folder {
    Folder::with(&[
        ("catalog/bases.json", BASES.as_bytes()),
        ("catalog/doors.json", DOORS.as_bytes()),
        // Its name stands before the bases that it leads to.
        ("catalog/a-hub.json", HUB.as_bytes()),
        ("catalog/holds.json", HOLDS.as_bytes()),
        ("catalog/README.md", b"no section"),
        ("pinned/bases.json", PINNED.as_bytes()),
        ("pinned/doors.json", DOORS.as_bytes()),
        ("bases.json", BASES.as_bytes()),
        ("good", b"FROM reg.example/base/os:10.4.9\nUSER 1000\n"),
        ("old", b"ARG V=10.4.8\nFROM reg.example/base/os:$V\nUSER 1000\n"),
        ("held", b"FROM reg.example/base/os:10.4.7\nUSER 1000\n"),
        ("foreign", b"FROM reg.example/base/os:10.4.9\nCOPY --from=evil.example/tool:1 /x /x\nUSER 1000\n"),
        ("silent", b"# hadolint ignore=PL2001\nFROM evil.example/os:1\nUSER 1000\n"),
        ("hub", b"FROM os:10.4.9\nADD app.py /app/\nUSER 1000\n"),
        ("shared", b"ARG V=10.4.8\nFROM reg.example/base/os:$V AS a\nFROM a\nCOPY --from=reg.example/base/os:10.4.9 /$V /x\nUSER 1000\n"),
    ])
}

#[tokio::test]
async fn images_are_held_to_the_catalog() {
    let folder = folder();
    let lint = async |file: &str| folder.plimsoll(&["lint", "--catalog", "catalog", file], "").await;
    check(&lint("good").await, 0, "");
    let old = lint("old").await;
    check(&old, 1, "old:2 PL2002");
    check(&old, 1, "reg.example/base/os:10.4.9");
    let foreign = lint("foreign").await;
    check(&foreign, 1, "foreign:2 PL2001 error: evil.example/tool:1 is not in the catalog");
    check(&foreign, 1, "the nearest allowed base is reg.example/base/os:10.4.9");
    // Comments silence rules, not the catalog; whoever says so on the command line looks at nothing but the rest.
    check(&lint("silent").await, 1, "silent:2 PL2001 error");
    let ignored = ["lint", "--catalog", "catalog", "--ignore", "PL2001", "silent"];
    check(&folder.plimsoll(&ignored, "").await, 0, "");
    // Of what cannot be read nobody knows the images, whatever is ignored; what another builder reads otherwise is not built.
    let unread = ["lint", "--catalog", "catalog", "--ignore", "DL1000", "-"];
    check(
        &folder.plimsoll(&unread, "FROM evil.example/x:1\nFOO\n").await,
        1,
        "-:2 PL2001 error: the definition",
    );
    let heredoc = ["lint", "--catalog", "catalog", "-"];
    let text = "FROM reg.example/base/os:10.4.9\nRUN <<E\nFROM evil.example/x:1\nE\nUSER 1\n";
    check(&folder.plimsoll(&heredoc, text).await, 1, "-:2 PL2004 error");
    // Which digest a tag points at is not known here.
    let digest = format!("FROM reg.example/base/os:10.4.9@sha256:{}\nUSER 1\n", "a".repeat(64));
    check(&folder.plimsoll(&["lint", "--catalog", "pinned", "-"], &digest).await, 0, "");
    check(&folder.plimsoll(&["lint", "--catalog", "pinned", "good"], "").await, 0, "");
    let standard = ["lint", "--catalog", "catalog", "-f", "json", "-"];
    check(&folder.plimsoll(&standard, "FROM evil.example/os:1\n").await, 1, "\"code\":\"PL2001\"");
}

#[tokio::test]
async fn without_a_catalog_nothing_is_held_to_one() {
    let folder = folder();
    let finished = folder.plimsoll(&["lint", "foreign"], "").await;
    check(&finished, 0, "");
}

#[tokio::test]
async fn a_door_that_observes_only_tells() {
    let folder = folder();
    let arguments = |more: &[&'static str]| [&["lint", "--catalog", "bases.json"], more].concat();
    check(&folder.plimsoll(&arguments(&["foreign"]), "").await, 1, "foreign:2 PL2001 info");
    check(&folder.plimsoll(&arguments(&["-t", "warning", "foreign"]), "").await, 0, "PL2001 info");
}

#[tokio::test]
async fn holds_are_a_projects_own() {
    let folder = folder();
    let arguments = |more: &[&'static str]| [&["lint", "--catalog", "catalog"], more].concat();
    check(&folder.plimsoll(&arguments(&["held"]), "").await, 1, "PL2002");
    let held = folder.plimsoll(&arguments(&["--project", "shop", "held"]), "").await;
    check(&held, 1, "held:1 PL2003 info");
    assert!(!held.stdout.contains("PL2002"), "{held:?}");
    check(&folder.plimsoll(&arguments(&["--project", "no name", "held"]), "").await, 2, "no name");
    check(&folder.plimsoll(&["lint", "--project", "shop", "held"], "").await, 2, "--catalog");
}

#[tokio::test]
async fn a_hold_that_has_ended_stands_in_the_file_and_counts_for_nothing() {
    let ended = br#"{"section":"holds","holds":[{"project":"shop","image":"reg.example/base/os:10.4.8","reason":"a driver","ticket":"OPS-7","expires":"2020-03-01T00:00:00Z"}]}"#;
    let folder = Folder::with(&[("holds.json", ended), ("plain", b"FROM scratch\nUSER 1000\n")]);
    check(&folder.plimsoll(&["lint", "--catalog", "holds.json", "plain"], "").await, 0, "");
}

#[tokio::test]
async fn what_the_catalog_replaces_is_mended() {
    let folder = folder();
    let fix = async |file: &str| folder.plimsoll(&["lint", "--fix", "--catalog", "catalog", file], "").await;
    check(&fix("old").await, 0, "old: mended");
    assert_eq!(folder.read("old"), "ARG V=10.4.9\nFROM reg.example/base/os:$V\nUSER 1000\n");
    // Together with what the rules mend.
    check(&fix("hub").await, 0, "hub: mended");
    assert_eq!(folder.read("hub"), "FROM reg.example/base/os:10.4.9\nCOPY app.py /app/\nUSER 1000\n");
    let before = folder.read("foreign");
    check(&fix("foreign").await, 1, "PL2001");
    assert_eq!(folder.read("foreign"), before);
    check(&folder.plimsoll(&["lint", "--fix", "--catalog", "bases.json", "held"], "").await, 0, "mended");
    assert_eq!(folder.read("held"), "FROM reg.example/base/os:10.4.9\nUSER 1000\n");
}

#[tokio::test]
async fn a_catalog_that_cannot_be_meant_is_a_mistake_by_file() {
    let folder = Folder::with(&[
        ("good", b"FROM a:1\nUSER 1000\n"),
        ("key.json", br#"{"section":"bases","basis":[]}"#),
        ("inner.json", br#"{"section":"bases","bases":[{"repository":"r.io/os","curent":"1"}]}"#),
        ("section.json", br#"{"section":"basis"}"#),
        ("project.json", br#"{"name":"shop","source":"https://git.example/shop.git","image":"r.io/shop:1"}"#),
        ("text.json", b"bases"),
        ("empty.json", b""),
        ("bases.json", BASES.as_bytes()),
        ("again.json", BASES.as_bytes()),
        ("nowhere.json", HUB.replace("base/os", "no/such").as_bytes()),
        ("none/README", b""),
    ]);
    for (file, says) in [
        ("gone.json", "gone.json cannot be read"),
        ("key.json", "key.json: the body is not valid: unknown field `basis`"),
        ("inner.json", "unknown field `curent`"),
        ("section.json", "section.json: field `section`: write bases, remedies"),
        ("project.json", "project.json: the body is not valid"),
        ("text.json", "text.json: the body is not valid"),
        ("empty.json", "empty.json: the body is empty"),
        ("nowhere.json", "nowhere.json: rule hub leads to reg.example/no/such:${1}"),
        ("none", "none: no .json file in this folder"),
    ] {
        let finished = folder.plimsoll(&["lint", "--catalog", file, "good"], "").await;
        check(&finished, 2, says);
        assert_eq!(finished.stdout, "", "{file}");
    }
    let twice = ["lint", "--catalog", "bases.json", "--catalog", "again.json", "good"];
    check(&folder.plimsoll(&twice, "").await, 2, "bases.json and again.json hold the same section");
    check(&folder.plimsoll(&["lint", "good", "--catalog"], "").await, 2, "--catalog");
}
