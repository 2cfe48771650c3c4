//! Every door by which an image enters, and every name that is none.

use std::collections::BTreeMap;

use artifact::BaseRole::{self, Base, Copy, Frontend, Mount, Stage};

use crate::{Dockerfile, Edit};

const UNRESOLVED: &str = "?";

/// Role, line, the bytes of the span, and the image without `docker.io/library/`; `?` where it cannot be told.
#[track_caller]
fn check_with(text: &str, arguments: &[(&str, &str)], expected: &[(BaseRole, usize, &str, &str)]) {
    let arguments: BTreeMap<String, String> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let file = Dockerfile::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
    let uses = file.image_uses(&arguments);
    let found: Vec<_> = uses
        .iter()
        .map(|image| {
            let resolved = match &image.resolved {
                Ok(image) => image.to_string().replace("docker.io/library/", ""),
                Err(_) => UNRESOLVED.to_owned(),
            };
            (image.role, image.line, file.source(&image.span), resolved)
        })
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(role, line, span, image)| (*role, *line, *span, (*image).to_owned())).collect();
    assert_eq!(found, expected, "{text}");
}

#[track_caller]
fn check(text: &str, expected: &[(BaseRole, usize, &str, &str)]) {
    check_with(text, &[], expected);
}

#[test]
fn the_target_stands_on_its_chain() {
    check("FROM a:1\n", &[(Base, 1, "a:1", "a:1")]);
    check(
        "FROM a\nFROM r.io/b:2@sha256:0123456789012345678901234567890123456789012345678901234567890123\n",
        &[
            (Stage, 1, "a", "a:latest"),
            (
                Base,
                2,
                "r.io/b:2@sha256:0123456789012345678901234567890123456789012345678901234567890123",
                "r.io/b:2@sha256:0123456789012345678901234567890123456789012345678901234567890123",
            ),
        ],
    );
    check(
        "FROM a AS x\nFROM b AS y\nFROM x AS z\nFROM z\n",
        &[(Base, 1, "a", "a:latest"), (Stage, 2, "b", "b:latest")],
    );
    check("FROM --platform=$BUILDPLATFORM a AS x\nFROM \"x\"\n", &[(Base, 1, "a", "a:latest")]);
}

#[test]
fn scratch_stages_and_numbers_are_no_images() {
    check("FROM scratch\nCOPY a /a\n", &[]);
    check(
        "FROM a AS x\nFROM scratch\nCOPY --from=x /a /a\nCOPY --from=0 /b /b\n",
        &[(Stage, 1, "a", "a:latest")],
    );
    check("FROM scratch\nCOPY --from=later /a /a\nFROM b AS later\n", &[(Base, 3, "b", "b:latest")]);
    check(
        "FROM a AS x\nFROM b\nRUN --mount=from=x,target=/x y\nRUN --mount=type=cache,target=/c z\n",
        &[(Stage, 1, "a", "a:latest"), (Base, 2, "b", "b:latest")],
    );
    check("FROM alpine AS alpine\nFROM alpine\n", &[(Base, 1, "alpine", "alpine:latest")]);
    check("FROM alpine AS Alpine\n", &[(Base, 1, "alpine", "alpine:latest")]);
    check("FROM a AS Build\nFROM Build\n", &[(Base, 1, "a", "a:latest")]);
    // A name with a tag is no stage.
    check("FROM a AS x\nFROM x:1\n", &[(Stage, 1, "a", "a:latest"), (Base, 2, "x:1", "x:1")]);
}

#[test]
fn images_are_copied_from_and_mounted() {
    check(
        "FROM scratch\nCOPY --chown=1 --from=b:2 /a /a\nONBUILD COPY --from=c:3 /a /a\n",
        &[(Copy, 2, "b:2", "b:2"), (Copy, 3, "c:3", "c:3")],
    );
    check(
        "FROM scratch\nRUN --mount=type=cache,target=/c --mount=from=b:2,target=/b,FROM=c x\n",
        &[(Mount, 2, "b:2", "b:2"), (Mount, 2, "c", "c:latest")],
    );
    check(
        "FROM scratch\nRUN --mount='type=bind,\"from=b:2\"' --mount=\"type=bind,from=c:3\" x\nCOPY --from=\"d\":\"4\" / /\n",
        &[(Mount, 2, "b:2", "b:2"), (Mount, 2, "c:3", "c:3"), (Copy, 3, "d\":\"4", "d:4")],
    );
    check(
        "FROM scratch\nCOPY --from=b\\\nc:2 / /\nCOPY --from=scratch / /\n",
        &[(Copy, 2, "b\\\nc:2", "bc:2")],
    );
}

#[test]
fn frontends_are_images_too() {
    check(
        "# syntax=docker/dockerfile:1 --cmd\nFROM scratch\n",
        &[(Frontend, 1, "docker/dockerfile:1", "docker.io/docker/dockerfile:1")],
    );
    check("#!/usr/bin/env x\n#syntax = r.io/f:1\nFROM scratch\n", &[(Frontend, 2, "r.io/f:1", "r.io/f:1")]);
    check("# note\n# syntax=x\nFROM scratch\n", &[]);
    check("\n# syntax=x\nFROM scratch\n", &[]);
    check_with("FROM scratch\n", &[("BUILDKIT_SYNTAX", "x")], &[(Frontend, 1, "", UNRESOLVED)]);
}

#[test]
fn arguments_are_expanded_as_builders_do() {
    check("ARG BASE=r.io/a:10.4.8\nFROM ${BASE}\n", &[(Base, 2, "${BASE}", "r.io/a:10.4.8")]);
    check("ARG TAG=10.4.8\nFROM a:${TAG}\n", &[(Base, 2, "a:${TAG}", "a:10.4.8")]);
    check(
        "ARG A=1 B=${A}.2\nARG A\nFROM a:$A-${B:+$B}-${C:-c}\n",
        &[(Base, 3, "a:$A-${B:+$B}-${C:-c}", "a:1-1.2-c")],
    );
    check("ARG A=\"q\" \nFROM 'b':$A\n", &[(Base, 2, "'b':$A", "b:q")]);
    check("ARG A=v1.2.3\nFROM b:${A#v}\n", &[(Base, 2, "b:${A#v}", "b:1.2.3")]);
    check_with("ARG TAG=1\nFROM a:$TAG\n", &[("TAG", "2"), ("OTHER", "3")], &[(Base, 2, "a:$TAG", "a:2")]);
    // An ARG inside a stage, and a build argument that nothing declares, are not seen by FROM.
    check("FROM scratch\nARG T=1\nFROM a:${T:-0}\n", &[(Base, 3, "a:${T:-0}", "a:0")]);
    check_with("FROM a:${T:-0}\n", &[("T", "9")], &[(Base, 1, "a:${T:-0}", "a:0")]);
    check_with(
        "FROM a-$TARGETARCH\n",
        &[("TARGETARCH", "arm64")],
        &[(Base, 1, "a-$TARGETARCH", "a-arm64:latest")],
    );
    check("ARG B=scratch\nFROM $B\n", &[]);
}

#[test]
fn what_cannot_be_known_is_said() {
    check("FROM $BASE\n", &[(Base, 1, "$BASE", UNRESOLVED)]);
    check("ARG BASE\nFROM ${BASE}\n", &[(Base, 2, "${BASE}", UNRESOLVED)]);
    check("FROM a:$TAG\n", &[(Base, 1, "a:$TAG", UNRESOLVED)]);
    check("ARG TARGETARCH=amd64\nFROM a-${TARGETARCH}\n", &[(Base, 2, "a-${TARGETARCH}", UNRESOLVED)]);
    check("FROM a:${T/x/y}\n", &[(Base, 1, "a:${T/x/y}", UNRESOLVED)]);
    check("ARG T=${U\nFROM a:$T\n", &[(Base, 2, "a:$T", UNRESOLVED)]);
    check("FROM \"a\n", &[(Base, 1, "\"a", UNRESOLVED)]);
    check("FROM Upper\n", &[(Base, 1, "Upper", UNRESOLVED)]);
    check(
        "ARG A=x\nFROM scratch\nCOPY --from=$A / /\nRUN --mount=from=${A},target=/a x\n",
        &[(Copy, 3, "$A", UNRESOLVED), (Mount, 4, "${A}", UNRESOLVED)],
    );
    check(
        "FROM scratch\nCOPY --from= / /\nCOPY --from / /\n",
        &[(Copy, 2, "--from=", UNRESOLVED), (Copy, 3, "--from", UNRESOLVED)],
    );
    check("FROM scratch\nCOPY --\"from=a\" / /\n", &[(Copy, 2, "a", "a:latest")]);
    check("FROM scratch\nCOPY --fr\"om=a\"b / /\n", &[(Copy, 2, "--fr\"om=a\"b", UNRESOLVED)]);
}

#[test]
fn what_two_builders_read_in_two_ways_is_never_taken_for_granted() {
    check("FROM a\nFROM 0\n", &[(Stage, 1, "a", "a:latest"), (Base, 2, "0", UNRESOLVED)]);
    check("FROM a AS Build\nFROM build\n", &[(Stage, 1, "a", "a:latest"), (Base, 2, "build", UNRESOLVED)]);
    check(
        "FROM a AS B\nFROM scratch\nCOPY --from=b / /\n",
        &[(Stage, 1, "a", "a:latest"), (Copy, 3, "b", UNRESOLVED)],
    );
    check(
        "ARG S=build\nFROM a AS build\nFROM $S\n",
        &[(Stage, 2, "a", "a:latest"), (Base, 3, "$S", UNRESOLVED)],
    );
    check("FROM later\nFROM a AS later\n", &[(Stage, 1, "later", UNRESOLVED), (Base, 2, "a", "a:latest")]);
    check(
        "FROM a AS x\nFROM b AS x\nFROM x\n",
        &[(Stage, 1, "a", "a:latest"), (Stage, 2, "b", "b:latest"), (Base, 3, "x", UNRESOLVED)],
    );
    check("FROM scratch AS own\nCOPY --from=own / /\n", &[(Copy, 2, "own", UNRESOLVED)]);
    check(
        "FROM scratch\nFROM scratch\nCOPY --from=01 / /\nCOPY --from=+0 / /\nCOPY --from=7 / /\n",
        &[(Copy, 3, "01", UNRESOLVED), (Copy, 4, "+0", UNRESOLVED), (Copy, 5, "7", UNRESOLVED)],
    );
    check("FROM scratch\nFROM scratch\nRUN --mount=from=0,target=/x y\n", &[(Mount, 3, "0", UNRESOLVED)]);
    check("FROM oci:evil\n", &[(Base, 1, "oci:evil", UNRESOLVED)]);
    check("FROM docker://evil\n", &[(Base, 1, "docker://evil", UNRESOLVED)]);
    check(
        "FROM a AS x\nFROM b\nONBUILD COPY --from=x / /\nONBUILD COPY --from=0 / /\n",
        &[
            (Stage, 1, "a", "a:latest"),
            (Base, 2, "b", "b:latest"),
            (Copy, 3, "x", UNRESOLVED),
            (Copy, 4, "0", UNRESOLVED),
        ],
    );
}

#[test]
fn reasons_name_the_text_and_the_way_out() {
    let file = Dockerfile::parse("ARG BASE\nFROM ${BASE}\n").unwrap();
    let uses = file.image_uses(&BTreeMap::new());
    let reason = uses.first().unwrap().resolved.clone().unwrap_err().to_string();
    assert!(reason.contains("${BASE}") && reason.contains("default"), "{reason}");
}

#[test]
fn instructions_inside_a_heredoc_are_not_instructions() {
    check("FROM a\nRUN <<E\nFROM evil\nCOPY --from=evil / /\nE\n", &[(Base, 1, "a", "a:latest")]);
    check("FROM a\nRUN x \\\n  # comment\nFROM evil\nUSER u\n", &[(Base, 1, "a", "a:latest")]);
    check("FROM a\nRUN echo '<<E'\nFROM b\n", &[(Stage, 1, "a", "a:latest"), (Base, 3, "b", "b:latest")]);
}

#[test]
fn definitions_that_double_each_other_stay_small() {
    let mut text = "ARG A0=xxxxxxxxxxxxxxxx\n".to_owned();
    for step in 1..64 {
        text.push_str(&format!("ARG A{step}=$A{}$A{}\n", step - 1, step - 1));
    }
    text.push_str("FROM a:$A63\n");
    check(&text, &[(Base, 65, "a:$A63", UNRESOLVED)]);
}

#[test]
fn rewriting_changes_the_reference_and_nothing_else() {
    let text = "\u{feff}# syntax=s:1\r\nARG T=1\r\nFROM a:${T} \\\r\n  AS x\r\n\r\n# c\r\nfrom \"b\"\r\ncopy  --from='c:1' / /\r\n";
    let file = Dockerfile::parse(text).unwrap();
    let edits: Vec<Edit> = file
        .image_uses(&BTreeMap::new())
        .into_iter()
        .map(|image| Edit { span: image.span, replacement: "new:2".to_owned() })
        .collect();
    let expected = "\u{feff}# syntax=new:2\r\nARG T=1\r\nFROM new:2 \\\r\n  AS x\r\n\r\n# c\r\nfrom new:2\r\ncopy  --from='new:2' / /\r\n";
    assert_eq!(file.rewrite(&edits).as_deref(), Ok(expected));
}
