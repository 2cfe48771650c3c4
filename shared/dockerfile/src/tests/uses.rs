//! Every door by which an image enters, and every name that is none.

use std::collections::BTreeMap;

use artifact::BaseRole::{self, Add, Base, Copy, Frontend, Mount, Stage};

use crate::{Dockerfile, Edit, Inputs};

const UNRESOLVED: &str = "?";

/// Role, line, the bytes of the span, and the image without `docker.io/library/`; `?` where it cannot be told.
#[track_caller]
fn check_with(text: &str, arguments: &[(&str, &str)], expected: &[(BaseRole, usize, &str, &str)]) {
    let arguments: BTreeMap<String, String> =
        arguments.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    check_inputs(text, &Inputs { arguments, ..Inputs::default() }, expected);
}

#[track_caller]
fn check_inputs(text: &str, inputs: &Inputs, expected: &[(BaseRole, usize, &str, &str)]) {
    let file = Dockerfile::parse(text).unwrap_or_else(|errors| panic!("{text}: {errors}"));
    let uses = file.image_uses(inputs);
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
    check(
        "ARG A=v1.2.3\nFROM b:${A/v/}-${A//[.]/_}\n",
        &[(Base, 2, "b:${A/v/}-${A//[.]/_}", "b:1.2.3-v1.2.3")],
    );
    check("ARG A=r_io/b\nFROM ${A/_/.}:${A##*/}\n", &[(Base, 2, "${A/_/.}:${A##*/}", "r.io/b:b")]);
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
    check("FROM a:${T/x}\n", &[(Base, 1, "a:${T/x}", UNRESOLVED)]);
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
    let uses = file.image_uses(&Inputs::default());
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
        .image_uses(&Inputs::default())
        .into_iter()
        .map(|image| Edit { span: image.span, replacement: "new:2".to_owned() })
        .collect();
    let expected = "\u{feff}# syntax=new:2\r\nARG T=1\r\nFROM new:2 \\\r\n  AS x\r\n\r\n# c\r\nfrom new:2\r\ncopy  --from='new:2' / /\r\n";
    assert_eq!(file.rewrite(&edits).as_deref(), Ok(expected));
}

fn on(platform: &str) -> Inputs {
    Inputs { platform: platform.parse().ok(), ..Inputs::default() }
}

#[test]
fn the_platform_has_the_names_that_builders_give_it() {
    let all = "FROM --platform=$BUILDPLATFORM a:$TARGETOS-$TARGETARCH-${TARGETVARIANT:-none}-$BUILDARCH\n";
    let span = "a:$TARGETOS-$TARGETARCH-${TARGETVARIANT:-none}-$BUILDARCH";
    check(all, &[(Base, 1, span, UNRESOLVED)]);
    check_inputs(all, &on("linux/amd64"), &[(Base, 1, span, "a:linux-amd64-none-amd64")]);
    check_inputs(all, &on("linux/arm/v7"), &[(Base, 1, span, "a:linux-arm-v7-arm")]);
    check_inputs(all, &on("linux/arm64/v8"), &[(Base, 1, span, "a:linux-arm64-none-arm64")]);
    let stated = "ARG TARGETARCH=amd64\nFROM a:$TARGETARCH\n";
    check_inputs(stated, &on("linux/amd64"), &[(Base, 2, "a:$TARGETARCH", "a:amd64")]);
    // BuildKit takes the default, others what they know.
    check_inputs(stated, &on("linux/arm64"), &[(Base, 2, "a:$TARGETARCH", UNRESOLVED)]);
    let given = Inputs { arguments: [("TARGETARCH".to_owned(), "x".to_owned())].into(), ..on("linux/amd64") };
    check_inputs("FROM a:$TARGETARCH\n", &given, &[(Base, 1, "a:$TARGETARCH", "a:x")]);
    check_inputs(
        "FROM a:${TARGETPLATFORM#*/}\n",
        &on("linux/amd64"),
        &[(Base, 1, "a:${TARGETPLATFORM#*/}", "a:amd64")],
    );
}

#[test]
fn a_platform_that_cannot_be_told_leaves_the_image_untold() {
    check("FROM --platform=linux/arm64 a\n", &[(Base, 1, "a", "a:latest")]);
    check("ARG P=linux/amd64\nFROM --platform=\"${P}\" a\n", &[(Base, 2, "a", "a:latest")]);
    check("FROM --platform=$TARGETPLATFORM a\n", &[(Base, 1, "a", "a:latest")]);
    check("FROM --platform=$P a\n", &[(Base, 1, "a", UNRESOLVED)]);
    check("FROM --platform a\n", &[(Base, 1, "a", UNRESOLVED)]);
    check("FROM --platform=${P a\n", &[(Base, 1, "a", UNRESOLVED)]);
    check("FROM a AS x\nFROM --platform=$P x\n", &[(Base, 1, "a", "a:latest")]);
}

#[test]
fn a_named_context_takes_the_place_of_an_image() {
    let contexts = |pairs: &[(&str, &str)]| Inputs {
        contexts: pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        ..Inputs::default()
    };
    let given = contexts(&[
        ("alpine", "docker-image://evil.io/a:1"),
        ("tools", "docker-image://evil.io/t:2"),
        ("r.io/c:1::linux/amd64", "docker-image://evil.io/c:3"),
        ("empty", "docker-image://scratch"),
        ("git", "https://h.io/x.git"),
        ("unused", "docker-image://evil.io/u:1"),
    ]);
    check_inputs(
        "FROM alpine:latest\nCOPY --from=tools / /\nRUN --mount=from=docker.io/library/alpine x\nCOPY --from=r.io/c:1 / /\n\
         FROM empty\nCOPY --from=git / /\nCOPY --from=alpine:3 / /\n",
        &given,
        &[
            (Stage, 1, "alpine:latest", "evil.io/a:1"),
            (Copy, 2, "tools", "evil.io/t:2"),
            (Mount, 3, "docker.io/library/alpine", "evil.io/a:1"),
            (Copy, 4, "r.io/c:1", "evil.io/c:3"),
            (Copy, 6, "git", UNRESOLVED),
            (Copy, 7, "alpine:3", "alpine:3"),
        ],
    );
    let hidden = contexts(&[("build", "docker-image://evil.io/a:1")]);
    check_inputs(
        "FROM a AS build\nFROM build\nCOPY --from=build / /\n",
        &hidden,
        &[(Stage, 1, "a", "a:latest"), (Base, 2, "build", UNRESOLVED), (Copy, 3, "build", UNRESOLVED)],
    );
}

#[test]
fn what_is_added_to_nothing_is_a_base_of_its_own() {
    check(
        "FROM scratch\nADD rootfs.tar.xz https://h.io/r.tar /\nCOPY app /app\n",
        &[(Add, 2, "rootfs.tar.xz", UNRESOLVED), (Add, 2, "https://h.io/r.tar", UNRESOLVED)],
    );
    check(
        "ARG B=scratch\nFROM $B AS x\nFROM x\nADD --chown=1 [\"a b\", \"a b\", \"/\"]\nONBUILD ADD c /\n",
        &[(Add, 4, "a b", UNRESOLVED), (Add, 4, "a b", UNRESOLVED), (Add, 5, "c", UNRESOLVED)],
    );
    // Escapes do not let the bytes be told apart; the use stays.
    check("FROM scratch\nADD [\"\\u0061\", \"/\"]\n", &[(Add, 2, "", UNRESOLVED)]);
    check("FROM a\nADD rootfs.tar /\n", &[(Base, 1, "a", "a:latest")]);
    check("FROM scratch\nADD <<E /etc/os-release\nADD x /\nE\n", &[]);
}

#[track_caller]
fn check_triggers(text: &str, triggers: &[&str], expected: &[(BaseRole, usize, &str, &str)]) {
    let triggers = [(0, triggers.iter().map(|text| (*text).to_owned()).collect())].into();
    let inputs = Inputs { triggers, ..Inputs::default() };
    check_inputs(text, &inputs, expected);
    let uses = Dockerfile::read(text).image_uses(&inputs);
    assert!(uses.iter().filter(|image| image.trigger.is_some()).all(|image| image.span.is_empty()));
    assert_eq!(
        uses.iter().filter(|image| image.trigger.is_none()).count(),
        Dockerfile::read(text).image_uses(&Inputs::default()).len()
    );
}

#[test]
fn triggers_of_the_image_below_bring_in_what_they_name() {
    check_triggers(
        "# c\nFROM a AS x\nCOPY --from=z / /\n",
        &[
            "COPY --from=evil.io/c:1 / /",
            "run --mount=type=bind,from=evil.io/m:1 x",
            "ADD app /",
            "ADD https://h.io/x /",
            "EXPOSE 1",
        ],
        &[
            (Base, 2, "a", "a:latest"),
            (Copy, 2, "", "evil.io/c:1"),
            (Mount, 2, "", "evil.io/m:1"),
            (Add, 2, "", UNRESOLVED),
            (Copy, 3, "z", "z:latest"),
        ],
    );
    // Its names are those of the file on top.
    check_triggers(
        "FROM a\nFROM b AS build\n",
        &["COPY --from=build / /", "COPY --from=other / /", "COPY --from=$X / /"],
        &[
            (Stage, 1, "a", "a:latest"),
            (Copy, 1, "", "other:latest"),
            (Copy, 1, "", UNRESOLVED),
            (Base, 2, "b", "b:latest"),
        ],
    );
}

#[test]
fn a_trigger_that_is_read_in_two_ways_is_never_taken_for_granted() {
    for text in [
        "RUN x\nCOPY --from=evil / /",
        "RUN <<E\nCOPY --from=evil / /\nE",
        "RUN x \\",
        "# COPY --from=evil / /",
        "FROM evil",
        "ONBUILD COPY --from=evil / /",
        "FLY away",
        "",
        "COPY --from=evil",
    ] {
        check_triggers("FROM a\n", &[text], &[(Base, 1, "a", "a:latest"), (Copy, 1, "", UNRESOLVED)]);
    }
}

#[test]
fn other_spellings_of_a_frontend_are_no_dockerfile() {
    for text in ["// syntax=evil.io/f:1\nFROM a\n", "{\"syntax\": \"evil.io/f:1\"}\n"] {
        assert!(Dockerfile::parse(text).is_err(), "{text}");
    }
}

#[test]
fn instructions_in_a_heredoc_of_a_trigger_are_not_instructions() {
    check("FROM a\nONBUILD RUN <<E\nCOPY --from=evil / /\nE\n", &[(Base, 1, "a", "a:latest")]);
    check(
        "FROM a\nONBUILD COPY --from=b <<E /x\nFROM c\nE\n",
        &[(Base, 1, "a", "a:latest"), (Copy, 2, "b", "b:latest")],
    );
}
