//! Texts from a grammar: mostly right, so that chance gets behind the first mistake. Whatever else there is, the raw bytes find.

use arbitrary::Arbitrary;
use dockerfile::Inputs;

/// A text, raw or written from pieces.
#[derive(Debug, Clone)]
pub struct Text(pub String);

/// The head of a file, once each.
const HEADS: [&str; 8] = [
    "",
    "\u{feff}",
    "# syntax=docker/dockerfile:1\n",
    "# escape=`\n",
    "#!/x\n# syntax=a/b\n",
    "# check=skip=all\n",
    "\n",
    "# x\n",
];

/// What stands on a line of its own.
const LINES: [&str; 40] = [
    "FROM alpine:3 AS build\n",
    "FROM build\n",
    "FROM ${X}\n",
    "FROM $X AS $Y\n",
    "from r.io/a/b:1\r\n",
    "FROM \\\n  busybox \\\n AS b\n",
    "FROM al\\\n# c\n\npine\n",
    "FROM r.io/${R}:$V-slim\n",
    "FROM r.io/\"$R\":${V%.*}\n",
    "FROM i:${W:-3}\n",
    "FROM ${X:+r.io/x}${X:-y}\n",
    "FROM ${X##*/}@sha256:0123456789012345678901234567890123456789012345678901234567890123\n",
    "FROM --platform=$BUILDPLATFORM scratch\n",
    "ARG X=alpine:3\n",
    "ARG R=os\n",
    "ARG V=1.2.3\n",
    "ARG V\n",
    "ARG R='o's V=\"1.\"2\r\n",
    "ARG O=o\nARG R=${O}s\n",
    "ARG X=\\\n$R:\\\n$V\n",
    "ARG W=${X:?no} Y=${V#1.}\n",
    "COPY --from=build /a /b\n",
    "COPY --from=r.io/c:1 --link /a /b\n",
    "COPY --from=\"d\" [\"/a\", \"/b\"]\n",
    "COPY --from=0 . .\n",
    "COPY <<A <<-\"B\" /d/\nx\nA\nFROM y\n\tB\n",
    "ADD --from=x y z\n",
    "RUN --mount=type=bind,from=e:1,target=/x make\n",
    "RUN --mount='type=bind,from=f' --mount=from=g:2,\"from=h\" x\n",
    "RUN --mount=type=bind,fr\\\nom=i:3 x\n",
    "RUN <<EOF\nFROM z\nEOF\n",
    "RUN x \\\n # c\n\n && y\n",
    "ONBUILD COPY --from=g:1 . .\n",
    "ONBUILD RUN --mount=from=g:1 x <<E\nE\n",
    "HEALTHCHECK --interval=1s CMD [\"a\"]\n",
    "SHELL [\"/bin/sh\"]\n",
    "ENV A=b C=\"d e\"\n",
    "LABEL a b\n",
    "# FROM c\n",
    "\n",
];

/// What makes parts of lines.
const PIECES: [&str; 64] = [
    "FROM ",
    "RUN ",
    "COPY ",
    "ADD ",
    "ARG ",
    "ENV ",
    "ONBUILD ",
    "HEALTHCHECK ",
    "SHELL ",
    "CMD ",
    "LABEL ",
    "alpine",
    "r.io/x/y:1",
    " AS ",
    "build",
    "0",
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
    "${X%%*.}",
    "$TARGETARCH",
    "X=",
    "X=1",
    "=",
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
    "${X:-",
    "}",
];

impl<'a> Arbitrary<'a> for Text {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let kind: u8 = u.arbitrary()?;
        let mut text = String::new();
        if kind & 3 == 0 {
            // What the fuzzer and its dictionary make of it.
            let rest = u.bytes(u.len())?;
            return Ok(Self(String::from_utf8_lossy(rest).into_owned()));
        }
        text.push_str(HEADS[usize::from(kind >> 2) % HEADS.len()]);
        while !u.is_empty() {
            let byte = usize::from(u.arbitrary::<u8>()?);
            match byte {
                0..160 => text.push_str(LINES[byte % LINES.len()]),
                160..224 => text.push_str(PIECES[byte % PIECES.len()]),
                // A character of its own somewhere, or one less.
                224..240 => text.push(u.arbitrary::<char>()?),
                240..248 => drop(text.pop()),
                _ => {
                    let mut at = usize::from(u.arbitrary::<u16>()?) % (text.len() + 1);
                    while !text.is_char_boundary(at) {
                        at -= 1;
                    }
                    text.insert_str(at, PIECES[usize::from(u.arbitrary::<u8>()?) % PIECES.len()]);
                }
            }
        }
        Ok(Self(text))
    }
}

/// What a build is given besides: a few build arguments, a platform, a named context, triggers of the images below.
#[derive(Debug, Clone)]
pub struct Given(pub Inputs);

const NAMES: [&str; 8] = ["X", "R", "V", "W", "Y", "TARGETARCH", "BUILDKIT_SYNTAX", "Z"];
const VALUES: [&str; 8] = ["", "a", "r.io/z:9", "1.2", "build", "$X", "0", "a b\"'\\`"];
const CONTEXTS: [&str; 4] = ["docker-image://r.io/z:9", "docker-image://", "https://x/y.git", "target:b"];

impl<'a> Arbitrary<'a> for Given {
    fn arbitrary(u: &mut arbitrary::Unstructured<'a>) -> arbitrary::Result<Self> {
        let byte: u8 = u.arbitrary()?;
        let mut given = Inputs::default();
        for _ in 0..usize::from(byte) % 3 {
            let choice: u8 = u.arbitrary()?;
            let name = NAMES[usize::from(choice) % NAMES.len()];
            given
                .arguments
                .insert(name.to_owned(), VALUES[usize::from(choice >> 3) % VALUES.len()].to_owned());
        }
        if byte & 0x40 != 0 {
            given.platform = "linux/arm64/v8".parse().ok();
        }
        if byte & 0xa0 == 0xa0 {
            let choice: u8 = u.arbitrary()?;
            let context = CONTEXTS[usize::from(choice) % CONTEXTS.len()];
            given
                .contexts
                .insert(VALUES[usize::from(choice >> 3) % VALUES.len()].to_owned(), context.to_owned());
            let trigger = LINES[usize::from(choice) % LINES.len()].trim_end();
            given.triggers.insert(usize::from(choice >> 6), vec![trigger.to_owned()]);
        }
        Ok(Self(given))
    }
}
