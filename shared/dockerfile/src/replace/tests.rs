//! Other images, byte by byte.

use std::collections::BTreeMap;

use super::*;

/// In `text` the image `old` is to become `new`, wherever it is used; the rest stays.
#[track_caller]
fn replaced(text: &str, changes: &[(&str, &str)]) -> Result<String, CannotReplace> {
    let file = Dockerfile::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
    let image = |text: &str| text.parse::<ImageRef>().unwrap();
    let images: Vec<_> = file
        .image_uses(&Inputs::default())
        .into_iter()
        .filter_map(|image_use| {
            let old = image_use.resolved.clone().ok()?;
            let (_, new) = changes.iter().find(|(from, _)| image(from) == old)?;
            Some((image_use.span, image(new)))
        })
        .collect();
    assert!(!images.is_empty(), "{text} uses none of {changes:?}");
    file.replace_images(&Inputs::default(), &images)
}

#[track_caller]
fn check(text: &str, changes: &[(&str, &str)], expected: &str) {
    assert_eq!(replaced(text, changes).as_deref(), Ok(expected), "{text}");
}

const DIGEST: &str = "sha256:0123456789012345678901234567890123456789012345678901234567890123";

#[test]
fn the_spelling_stays() {
    check("FROM alpine:3.18 AS a\n", &[("alpine:3.18", "alpine:3.19")], "FROM alpine:3.19 AS a\n");
    check(
        "from  r.io/os:10.4.8\tas b",
        &[("r.io/os:10.4.8", "r.io/os:10.4.9")],
        "from  r.io/os:10.4.9\tas b",
    );
    check("FROM alpine\n", &[("alpine", "alpine:3.19")], "FROM alpine:3.19\n");
    check("FROM alpine:3.18\n", &[("alpine:3.18", "r.io/base/os:1")], "FROM r.io/base/os:1\n");
    check(
        "FROM --platform=$BUILDPLATFORM alpine:1 AS x \n",
        &[("alpine:1", &format!("alpine:2@{DIGEST}"))],
        &format!("FROM --platform=$BUILDPLATFORM alpine:2@{DIGEST} AS x \n"),
    );
    let pinned = format!("alpine:1@{DIGEST}");
    check(&format!("FROM {pinned}\n"), &[(pinned.as_str(), "alpine:2")], "FROM alpine:2\n");
    check("FROM 'alpine:1'\r\nRUN x\r\n", &[("alpine:1", "alpine:12")], "FROM 'alpine:12'\r\nRUN x\r\n");
    check("FROM \"alpine\":\"1\"\n", &[("alpine:1", "alpine:2")], "FROM \"alpine\":\"2\"\n");
}

#[test]
fn a_continuation_inside_a_reference_stays() {
    check("FROM r.io/\\\nos:1\n", &[("r.io/os:1", "r.io/os:2")], "FROM r.io/\\\nos:2\n");
    check(
        "# escape=`\nFROM al`  \n# a comment\n\npine:1`\n AS a\n",
        &[("alpine:1", "r.io/b:2")],
        "# escape=`\nFROM r.`  \n# a comment\n\nio/b:2`\n AS a\n",
    );
    check("FROM a\nCOPY --from=b\\\nc:1 / /\n", &[("bc:1", "bc:2")], "FROM a\nCOPY --from=b\\\nc:2 / /\n");
}

#[test]
fn nothing_is_shared_out_between_an_expansion_and_what_stands_beside_it() {
    check(
        "ARG REGISTRY\nFROM ${REGISTRY:-docker.io/library}/node:18\n",
        &[("node:18", "reg.example/base/node:20.1.0")],
        "ARG REGISTRY\nFROM reg.example/base/node:20.1.0\n",
    );
    check("FROM ${X:-node}:18\n", &[("node:18", "r.io/node:20")], "FROM r.io/node:20\n");
    // What changes on one side alone is changed there.
    check("FROM ${X:-node}:18\n", &[("node:18", "node:20")], "FROM ${X:-node}:20\n");
    check("FROM ${R:-a.io}/x:1\n", &[("a.io/x:1", "b.io/x:1")], "FROM ${R:-b.io}/x:1\n");
}

#[test]
fn every_door_is_written_at() {
    check(
        "# syntax=s:1 --x\nFROM a:1 AS x\nRUN <<E\nFROM a:1\nE\nFROM b:1\nCOPY --from=a:1 --link / /\nRUN --mount='type=bind,\"from=a:1\"' y\nONBUILD COPY --from=a:1 . .\n",
        &[("a:1", "a:2"), ("s:1", "s:3")],
        "# syntax=s:3 --x\nFROM a:2 AS x\nRUN <<E\nFROM a:1\nE\nFROM b:1\nCOPY --from=a:2 --link / /\nRUN --mount='type=bind,\"from=a:2\"' y\nONBUILD COPY --from=a:2 . .\n",
    );
}

#[test]
fn what_stands_in_a_default_is_changed_there_alone() {
    check("ARG B=os:1\nFROM ${B}\n", &[("os:1", "os:2")], "ARG B=os:2\nFROM ${B}\n");
    check("ARG T=10.4.8 U=x\nFROM os:$T\n", &[("os:10.4.8", "os:10.4.9")], "ARG T=10.4.9 U=x\nFROM os:$T\n");
    check(
        "ARG T=\"10.4.8\"\nFROM os:${T}-slim\n",
        &[("os:10.4.8-slim", "os:11-slim")],
        "ARG T=\"11\"\nFROM os:${T}-slim\n",
    );
    check("ARG T=v1\nFROM os:${T#v}\n", &[("os:1", "os:2")], "ARG T=v2\nFROM os:${T#v}\n");
    check("FROM os:${T:-1}\n", &[("os:1", "os:2")], "FROM os:${T:-2}\n");
    check("ARG A=1\nARG B=$A.8\nFROM os:$B\n", &[("os:1.8", "os:1.9")], "ARG A=1\nARG B=$A.9\nFROM os:$B\n");
    check("ARG R=r.io\nFROM $R/os:1\n", &[("r.io/os:1", "r.io/os:2")], "ARG R=r.io\nFROM $R/os:2\n");
    check("ARG B=os\nFROM $B\n", &[("os", "os:2")], "ARG B=os:2\nFROM $B\n");
    // One answer for all who share it is one edit.
    check(
        "ARG T=1\nFROM a:$T\nFROM b:$T\n",
        &[("a:1", "a:2"), ("b:1", "b:2")],
        "ARG T=2\nFROM a:$T\nFROM b:$T\n",
    );
    // What comes from several places is written out.
    check("ARG A=1 B=2\nFROM os:$A.$B\n", &[("os:1.2", "os:3.4")], "ARG A=1 B=2\nFROM os:3.4\n");
    check("ARG A=1\nFROM os:$A$A\n", &[("os:11", "os:12")], "ARG A=1\nFROM os:12\n");
}

#[test]
fn a_build_argument_is_not_in_the_file() {
    let file = Dockerfile::parse("ARG T=1\nFROM os:$T\n").unwrap();
    let arguments = BTreeMap::from([("T".to_owned(), "7".to_owned())]);
    let arguments = Inputs { arguments, ..Inputs::default() };
    let images = [(13..18, "os:8".parse().unwrap())];
    assert_eq!(file.replace_images(&arguments, &images).as_deref(), Ok("ARG T=1\nFROM os:8\n"));
}

#[test]
fn one_default_cannot_say_two_things() {
    for changes in [&[("a:1", "a:2")][..], &[("a:1", "a:2"), ("b:1", "b:3")]] {
        let error = replaced("ARG V=1\nFROM a:$V\nFROM b:$V\n", changes).unwrap_err();
        assert!(matches!(&error, CannotReplace::Shared { argument, .. } if argument == "V"), "{error}");
    }
    check(
        "ARG V=1\nFROM a:$V\nFROM b:$V\n",
        &[("a:1", "c:1")],
        "ARG V=1\nFROM docker.io/library/c:$V\nFROM b:$V\n",
    );
    let error = replaced("ARG B=a:1\nFROM $B AS x\nFROM $B-x\n", &[("a:1", "a:2")]).unwrap_err();
    assert!(matches!(error, CannotReplace::Shared { line: 2, .. }), "{error}");
}

#[test]
fn what_is_no_use_is_an_error() {
    let file = Dockerfile::parse("FROM a:1\n").unwrap();
    let images = [(0..4, "b:1".parse().unwrap())];
    assert_eq!(file.replace_images(&Inputs::default(), &images), Err(CannotReplace::NotAUse(0..4)));
    let keep = [(5..8, "a:1".parse().unwrap())];
    assert_eq!(file.replace_images(&Inputs::default(), &keep).as_deref(), Ok("FROM a:1\n"));
}
