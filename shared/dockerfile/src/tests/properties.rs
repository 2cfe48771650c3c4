//! What holds for every text: no panic, exact round trip, linear time, and a rewriting that changes references alone.

use artifact::{BaseRole, ImageRef};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{Dockerfile, Edit, ImageUse, Inputs, Keyword};

/// Pieces that mean something to the grammar, so that chance finds its corners.
const PIECES: [&str; 72] = [
    "FROM ",
    "from ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ARG ",
    "ENV ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "SHELL ",
    "CMD ",
    "USER ",
    "LABEL ",
    "alpine",
    "alpine:3.20",
    "scratch",
    "r.io/x/y:1",
    " AS ",
    " as ",
    "build",
    "Build",
    "final",
    "0",
    "1",
    "--from=",
    "--mount=",
    "--platform=",
    "from=",
    "type=bind,",
    ",",
    "$X",
    "${X}",
    "${X:-y}",
    "${X#y}",
    "$TARGETARCH",
    "X=",
    "X=1",
    "=",
    "\n",
    "\n",
    "\n",
    "\r\n",
    "\r",
    "\\\n",
    "\\ \n",
    "`\n",
    "\\\\\n",
    "# ",
    "# escape=`\n",
    "# syntax=a/b:1\n",
    "#!x\n",
    "\u{feff}",
    "<<EOF",
    "<<-E",
    "<<\"Q\"",
    "EOF\n",
    "E\n",
    "Q\n",
    "\"",
    "'",
    "\\",
    "`",
    "[",
    "]",
    "[\"a\", \"b\"]",
    " ",
    "\t",
    "\u{a0}",
    "\u{e0}",
    "\0",
    "-- ",
    "--",
];

fn texts() -> impl Strategy<Value = String> {
    vec(select(PIECES.as_slice()), 0..60).prop_map(|pieces| pieces.concat())
}

/// Files that are mostly right, so that they have references to rewrite.
fn files() -> impl Strategy<Value = String> {
    let line = select(
        [
            "FROM alpine:3 AS build\n",
            "FROM build\n",
            "FROM ${X}\n",
            "from r.io/a/b:1\r\n",
            "FROM \\\n  busybox \\\n AS b\n",
            "COPY --from=build /a /b\n",
            "COPY --from=r.io/c:1 --link /a /b\n",
            "COPY --from=\"d\" [\"/a\", \"/b\"]\n",
            "RUN --mount=type=bind,from=e:1,target=/x make\n",
            "RUN --mount='type=bind,from=f' x\n",
            "RUN <<EOF\nFROM z\nEOF\n",
            "COPY <<A <<B /d/\nx\nA\nFROM y\nB\n",
            "RUN x \\\n # c\n\n && y\n",
            "ONBUILD COPY --from=g:1 . .\n",
            "USER u\n",
            "# FROM c\n",
            "\n",
            "ENV A=b C=\"d e\"\n",
            "ARG X=h:1\n",
            "FROM r.io/${R}:$V-slim\n",
            "FROM r.io/\"$R\":${V%.*}\n",
            "FROM i:${W:-3}\n",
            "FROM al\\\npine\n",
            "FROM --platform=$BUILDPLATFORM scratch AS bare\n",
            "ADD rootfs.tar https://h.io/x /\n",
            "ADD --chown=1 [\"a b.tar\", \"/\"]\n",
            "ADD x.tar <<E /\nADD y /\nE\n",
            "ONBUILD RUN <<E\nCOPY --from=z / /\nE\n",
            "COPY --fr\\\n# c\n\nom=j:1\\\n.2 a b\n",
        ]
        .as_slice(),
    );
    let head = select(["", "# syntax=s:1\n", "# escape=`\n", "\u{feff}", "ARG X=alpine:3\n"].as_slice());
    let defaults = select(
        ["", "ARG R=os\nARG V=1.2\n", "ARG R='o's V=\"1.\"2\r\n", "ARG O=o\nARG R=${O}s V=1\\\n.2\n"]
            .as_slice(),
    );
    (head, defaults, vec(line, 1..20))
        .prop_map(|(head, defaults, lines)| format!("{head}{defaults}FROM first:1\n{}", lines.concat()))
}

/// Everything about a file but where it stands and what its references say.
fn shape(file: &Dockerfile) -> Vec<(Keyword, usize, usize, usize)> {
    file.instructions()
        .map(|instruction| {
            let inner = instruction.trigger().unwrap_or(instruction);
            (inner.keyword, instruction.flags.len(), inner.words().len(), instruction.heredocs.len())
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_without_panic_and_given_back_exactly(text in texts()) {
        let file = Dockerfile::read(&text);
        prop_assert_eq!(file.to_string(), text.clone());
        for image in file.image_uses(&Inputs::default()) {
            prop_assert!(text.get(image.span.clone()).is_some());
        }
        for error in file.errors() {
            prop_assert!(text.get(error.span.clone()).is_some(), "{}", error);
        }
        for stage in file.stages() {
            let _count = file.body(stage).count();
        }
    }

    #[test]
    fn any_characters_are_read_without_panic_and_given_back_exactly(text in "\\PC*|[\\s#\\\\`\"'$<=\\-A-Z{}]*") {
        prop_assert_eq!(Dockerfile::read(&text).to_string(), text);
    }

    #[test]
    fn a_rewritten_file_is_the_same_but_for_its_references(text in files()) {
        let file = Dockerfile::read(&text);
        let none = Inputs::default();
        let uses = file.image_uses(&none);
        let replacement = "new.example/base:2@sha256:0123456789012345678901234567890123456789012345678901234567890123";
        let uses: Vec<ImageUse> = uses.into_iter().filter(|image| image.role != BaseRole::Add).collect();
        let edits: Vec<Edit> = uses
            .iter()
            .map(|image| Edit { span: image.span.clone(), replacement: replacement.to_owned() })
            .collect();
        let rewritten = Dockerfile::read(&file.rewrite(&edits).unwrap());
        prop_assert_eq!(shape(&rewritten), shape(&file));
        let mut again = rewritten.image_uses(&none);
        again.retain(|image| image.role != BaseRole::Add);
        prop_assert_eq!(again.len(), uses.len());
        for (after, before) in again.iter().zip(&uses) {
            prop_assert_eq!(after.resolved.as_ref().map(ToString::to_string), Ok(replacement.to_owned()));
            prop_assert_eq!(&after.stage, &before.stage);
        }
        let back: Vec<Edit> = again
            .iter()
            .zip(&uses)
            .map(|(after, before)| Edit { span: after.span.clone(), replacement: file.source(&before.span).to_owned() })
            .collect();
        prop_assert_eq!(rewritten.rewrite(&back), Ok(text), "the way back leads to the same bytes");
    }
}

/// What the bytes of a use say: continuations joined as the file joins them, and for flags without quotes and escapes.
fn said(file: &Dockerfile, image: &ImageUse) -> String {
    let escape = file.escape().as_char();
    let mut text = String::new();
    for (number, line) in file.source(&image.span).split_inclusive('\n').enumerate() {
        let content = line.trim_end_matches(['\r', '\n']);
        if number > 0 && (content.trim().is_empty() || content.trim_start().starts_with('#')) {
            continue;
        }
        let joined =
            content.trim_end_matches([' ', '\t']).strip_suffix(escape).filter(|_| line.ends_with('\n'));
        text.push_str(joined.unwrap_or(content));
    }
    plain(file, image, &text)
}

fn plain(file: &Dockerfile, image: &ImageUse, text: &str) -> String {
    let quotes = ['"', '\'', file.escape().as_char()];
    let is_word = matches!(image.role, BaseRole::Base | BaseRole::Stage | BaseRole::Add);
    text.chars().filter(|c| is_word || !quotes.contains(c)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_use_spans_its_reference_to_the_byte(text in prop_oneof![files(), texts()]) {
        let file = Dockerfile::read(&text);
        for image in file.image_uses(&Inputs::default()).iter().filter(|image| !image.written.is_empty()) {
            // Where quotes do not let the value alone be replaced, the whole flag is named, and the use is unresolved.
            let whole = image.resolved.is_err() && file.source(&image.span).starts_with("--");
            if !whole && !image.span.is_empty() {
                prop_assert_eq!(said(&file, image), plain(&file, image, &image.written), "{:?}", image);
                // The quotes around it are not part of it.
                let (bytes, quotes) = (file.source(&image.span), ['"', '\'']);
                prop_assert!(!bytes.starts_with(quotes) || image.written.starts_with(quotes), "{:?}", image);
                prop_assert!(!bytes.ends_with(quotes) || image.written.ends_with(quotes), "{:?}", image);
            }
            prop_assert!(image.resolved.is_err() || !image.span.is_empty());
        }
    }
}

/// The file without what may change: its references and the defaults before its first FROM.
fn frame(file: &Dockerfile) -> String {
    let mut spans: Vec<_> = file
        .image_uses(&Inputs::default())
        .into_iter()
        .filter(|image| image.resolved.is_ok())
        .map(|image| image.span)
        .collect();
    spans.extend(
        file.global_arguments()
            .flat_map(|global| global.pairs())
            .filter_map(|pair| Some(pair.value.as_ref()?.span.clone())),
    );
    let removed: Vec<Edit> =
        spans.into_iter().map(|span| Edit { span, replacement: String::new() }).collect();
    file.rewrite(&removed).unwrap()
}

const IMAGES: [&str; 4] = [
    "new.example/base:2@sha256:0123456789012345678901234567890123456789012345678901234567890123",
    "alpine:4.0.1-slim",
    "r.io/os:1.3-slim",
    "r.io/os:1.3",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn images_are_replaced_and_nothing_else(text in files(), answers in vec(0..IMAGES.len() * 2, 20)) {
        let file = Dockerfile::read(&text);
        let none = Inputs::default();
        let uses: Vec<_> = file.image_uses(&none);
        let images: Vec<(_, ImageRef)> = uses
            .iter()
            .zip(&answers)
            .filter(|(image, _)| image.resolved.is_ok())
            .filter_map(|(image, answer)| Some((image.span.clone(), IMAGES.get(*answer)?.parse().unwrap())))
            .collect();
        let Ok(replaced) = file.replace_images(&none, &images) else {
            // Only a default that two lines take from may stand in the way.
            prop_assert!(text.contains("ARG"), "{}", text);
            return Ok(());
        };
        let replaced = Dockerfile::read(&replaced);
        prop_assert_eq!(shape(&replaced), shape(&file));
        prop_assert_eq!(frame(&replaced), frame(&file));
        let again = replaced.image_uses(&none);
        prop_assert_eq!(again.len(), uses.len());
        for (after, before) in again.iter().zip(&uses) {
            let asked = images.iter().find(|(span, _)| *span == before.span).map(|(_, image)| image.clone());
            prop_assert_eq!(after.resolved.clone().ok(), asked.or(before.resolved.clone().ok()));
            prop_assert_eq!(&after.stage_name, &before.stage_name);
        }
    }
}

#[test]
fn hostile_files_come_back_whole() {
    let length = 1 << 18;
    let repeated = |piece: &str| piece.repeat(length / piece.len());
    for text in [
        repeated("x"),
        repeated("\\\n"),
        format!("FROM a\nRUN {}", repeated("<<A ")),
        format!("FROM a\nRUN <<A {}", repeated("${a:-")),
        format!("FROM a\n{}", repeated("ONBUILD ")),
        format!("FROM a\nRUN {}", repeated("[")),
        format!("FROM a\nRUN {}", repeated("--mount=from=a,")),
        format!("FROM a\nCOPY {}", repeated("--from=a ")),
        repeated("FROM a AS b\nCOPY --from=b / /\n"),
        format!("{}FROM ${{A}}", repeated("ARG A=$A$A\n")),
        format!("ARG A={}\nFROM ${{A##*a*b*c*d*e*f}}", "x".repeat(length)),
        repeated("\u{e0}\r"),
        format!("ARG A={}\n{}", "x".repeat(900), repeated("FROM r.io/$A:1\n")),
        format!("{}{}", "ARG A=x\n".repeat(1 << 12), repeated("FROM r.io/$A:1\n")),
        format!("ARG A={}\n{}", "x".repeat(90), repeated("FROM ${A//x*xy*x?y/z}\n")),
        format!("ARG A={}\n{}", "x".repeat(90), repeated("FROM ${A//x/xxxxxxxxx}\n")),
        format!("FROM scratch\n{}", repeated(&format!("ADD [{}\"/\"]\n", "\"\\u0061\",".repeat(4000)))),
    ] {
        let file = Dockerfile::read(&text);
        let uses = file.image_uses(&Inputs::default());
        assert_eq!(file.to_string(), text);
        let other: Vec<(_, ImageRef)> =
            uses.iter().take(2_000).map(|image| (image.span.clone(), "r.io/b:2".parse().unwrap())).collect();
        if let Ok(replaced) = file.replace_images(&Inputs::default(), &other) {
            let again = Dockerfile::read(&replaced).image_uses(&Inputs::default());
            assert_eq!(again.len(), uses.len());
        }
    }
}
