//! Texts that are made to cost more than they weigh, of any length, and everything that is done with a definition. Not what it may cost.

use std::{collections::BTreeMap, fmt::Write as _};

use dockerfile::{Dockerfile, Edit, Inputs, unified_diff};
use lint::{Context, LabelFormat, Level, Linter, Policy, rules};

/// A kind of text. Its texts grow in one place, and are about as long as is asked for.
#[derive(Debug, Clone)]
pub struct Shape {
    before: String,
    repeated: String,
    behind: String,
}

impl Shape {
    fn new(before: &str, repeated: &str, behind: &str) -> Self {
        Self { before: before.to_owned(), repeated: repeated.to_owned(), behind: behind.to_owned() }
    }

    /// The text of about so many bytes. A `%` in what is repeated is its number, a `&` the number before it.
    pub fn of_length(&self, length: usize) -> String {
        let mut text = self.before.clone();
        let is_numbered = self.repeated.contains(['%', '&']);
        let mut number = 0_usize;
        while text.len() + self.behind.len() < length {
            if is_numbered {
                let (own, before) = (number.to_string(), number.saturating_sub(1).to_string());
                text.push_str(&self.repeated.replace('%', &own).replace('&', &before));
            } else {
                text.push_str(&self.repeated);
            }
            number += 1;
        }
        // `~` closes as often as was opened.
        match self.behind.strip_prefix('~') {
            Some(close) => text.push_str(&close.repeat(number)),
            None => text.push_str(&self.behind),
        }
        text
    }

    /// What it is, for people.
    pub fn name(&self) -> String {
        let mut name = String::new();
        for (part, times) in [(&self.before, ""), (&self.repeated, "…"), (&self.behind, "")] {
            let short: String = part.chars().take(60).collect();
            // Writing to a text cannot fail.
            let _ = write!(name, "{short:?}{times} ");
        }
        name.trim_end().to_owned()
    }
}

/// Whole lines and whole instructions, again and again.
const LINES: [&str; 65] = [
    "x",
    "\n",
    "\r",
    "\r\n",
    " ",
    "\t",
    "\0",
    "\u{e0}",
    "\\\n",
    "\\ \n",
    "#\n",
    "# x=y\n",
    "# escape=`\n",
    "# syntax=a/b\n",
    "# check=skip=a%\n",
    "# hadolint ignore=DL3006\nFROM a\n",
    "# hadolint global ignore=DL3%\n",
    "# hadolint shell=s%\nRUN x\n",
    "x\n",
    "FROM\n",
    "FROM a\n",
    "FROM a AS b\n",
    "FROM a AS b%\n",
    "FROM b& AS b%\n",
    "FROM b& AS b%\nHEALTHCHECK NONE\n",
    "FROM b& AS b%\nARG x%=$x&\n",
    "FROM a AS B%\nCOPY --from=b& / /\n",
    "FROM r.io/a:1 AS b\nCOPY --from=r.io/b:1 --from=b / /\n",
    "FROM --platform=linux/amd64 a:1\n",
    "ARG A=$A$A\n",
    "ARG A%=$A&$A&\n",
    "ARG A%=${A&:-x}\n",
    "ARG A%=$TARGETARCH$A&\n",
    "ARG A=${A:-\n",
    "ONBUILD ONBUILD x\n",
    "ONBUILD RUN yum install a\n",
    "RUN x\n",
    "RUN apt-get update && apt-get install a b\n",
    "RUN cd /a && sudo wget x | curl y\n",
    "RUN pip install a\n",
    "RUN [\"a\"]\n",
    "RUN <<E\nx\nE\n",
    "RUN <<E%\n",
    "RUN --mount=type=cache,from=a:1,target=/x x\n",
    "RUN x \\\n # c\n\n y\n",
    "COPY a b\n",
    "COPY a.tar b.gz /\nRUN tar xf a.tar\n",
    "COPY <<A <<B /d/\nx\nA\nB\n",
    "ADD a b\n",
    "ADD https://x/a.tar /\n",
    "USER root\n",
    "ENV a=b\n",
    "ENV A%=$A& B%=$A%\n",
    "ENV a b\n",
    "LABEL version=%\n",
    "LABEL a%=b\n",
    "EXPOSE 1/TCP 99999\n",
    "WORKDIR a\n",
    "HEALTHCHECK CMD x\n",
    "ENTRYPOINT x\nCMD y\n",
    "SHELL [\"bash\"]\nRUN a | b\n",
    "MAINTAINER x\n",
    "STOPSIGNAL x\nVOLUME a\n",
    "from a\nFROM b\n",
    "FROM a\n\\\n\n",
];

/// What is on one line before something is repeated there.
const HEADS: [&str; 36] = [
    "FROM ",
    "FROM a:1\nRUN ",
    "FROM a:1\nCOPY ",
    "FROM a:1\nADD ",
    "FROM a:1\nENV ",
    "FROM a:1\nARG ",
    "ARG ",
    "FROM a:1\nLABEL ",
    "FROM a:1\nEXPOSE ",
    "FROM a:1\nUSER ",
    "FROM a:1\nWORKDIR ",
    "FROM a:1\nVOLUME ",
    "FROM a:1\nSHELL ",
    "FROM a:1\nCMD ",
    "FROM a:1\nHEALTHCHECK ",
    "FROM a:1\nONBUILD ",
    "FROM a:1\nMAINTAINER ",
    "# ",
    "# syntax=",
    "# check=skip=",
    "# hadolint ignore=",
    "FROM a:1\nRUN apt-get install ",
    "FROM a:1\nRUN yum install ",
    "FROM a:1\nRUN dnf module install ",
    "FROM a:1\nRUN zypper install ",
    "FROM a:1\nRUN apk add ",
    "FROM a:1\nRUN pip install ",
    "FROM a:1\nRUN npm install ",
    "FROM a:1\nRUN gem install ",
    "FROM a:1\nRUN go install ",
    "FROM a:1\nRUN useradd ",
    "FROM a:1\nRUN rm -rf x && ",
    "FROM a:1\nRUN --mount=type=cache,",
    "FROM a:1\nRUN --",
    "FROM a:1\nRUN <<E\n",
    "FROM a:1\nENV a=1 b=2\nENV ",
];

/// What is repeated there.
const PIECES: [&str; 44] = [
    "x",
    " x",
    " a%",
    " $x",
    "${x:-",
    "${x##*",
    "[",
    "{",
    "(",
    "((",
    "$(",
    "`",
    "\"",
    "'",
    "\\",
    "\\\n",
    " \\\n# c\n",
    " --a=b",
    " --from=a",
    " -y",
    "-1",
    " a-1",
    "@",
    "=",
    " a=$b",
    " a%=$a&",
    ",",
    "/",
    "../",
    ".",
    ":",
    "<<A ",
    "<<",
    "|x",
    ";x;",
    "&&x ",
    "x\n",
    "#",
    "\u{e0}",
    "{a,",
    "case x in ",
    "if x; then ",
    "x() { ",
    "%",
];

/// What stands behind it.
const TAILS: [&str; 3] = ["", "=\n", "\n"];

/// Every kind there is.
pub fn shapes() -> Vec<Shape> {
    let mut shapes: Vec<Shape> = LINES.iter().map(|line| Shape::new("", line, "")).collect();
    shapes.extend(LINES.iter().map(|line| Shape::new("FROM a:1\n", line, "FROM a:1\n")));
    for head in HEADS {
        for (place, piece) in PIECES.iter().enumerate() {
            let tail = TAILS.get(place % TAILS.len()).copied().unwrap_or_default();
            shapes.push(Shape::new(head, piece, tail));
        }
    }
    for (before, repeated, behind) in [
        ("FROM a:1\nRUN [", "[", "~]"),
        ("FROM a:1\nRUN [", "{\"a\":", "~}"),
        ("FROM a:1\nRUN ", "$(", "~)"),
        ("FROM a:1\nRUN ", "{ ", "~}"),
        ("FROM ", "${a:-", "~}"),
        ("FROM a:1\nRUN ", "<<A ", "~\nA\n"),
        ("FROM a:1\nRUN yum install ", "-1", "=\n"),
        ("FROM a:1\nRUN yum install a", "-1", ".x86_64\n"),
        ("FROM r.io/${A%%*.*.*.*.*x}\n", "x", ""),
        ("ARG A=", "x", "\nFROM ${A##*a*b*c*d*e*f}\n"),
        ("ARG A=r.io/os\n", "FROM $A:1\n", ""),
        ("ARG A=r.io/os\nARG B=$A\n", "FROM ${B}:1 AS b%\n", ""),
        ("ARG A=x\n", "ARG A=$A$A\n", "FROM $A\n"),
        ("ARG A0=x\n", "ARG A%=$A&$A&\n", "FROM $A9\n"),
        ("FROM a:1\nARG B=b\nARG ", " A%=$B", "\n"),
        ("ARG V=1\n", "ARG A%=x\n", "FROM r.io/os:$V\n"),
        ("ARG V=1\n", "ARG V=1\n", "FROM r.io/os:$V\n"),
        ("", "ARG A%=x\nFROM $A%\n", ""),
        ("FROM a:1\n", "RUN --mount=from=r.io/a:1 x\n", ""),
        ("FROM a:1\n", "COPY --from=r.io/a:1 a /\n", ""),
        ("# check=skip=", "a%,", "\nfrom a\nWORKDIR b\nRUN $c\n"),
        ("FROM a:1\nRUN <<A ", "${a:-", ""),
        ("FROM a:1\nRUN ", "--mount=from=a,", ""),
        ("FROM a:1\nCOPY ", "--from=a ", ""),
        ("FROM a:1\n", "ONBUILD ", ""),
        ("FROM scratch\nADD [", "\"\\u0061\",", "\"/\"]\n"),
    ] {
        shapes.push(Shape::new(before, repeated, behind));
    }
    // Long values that short lines take apart.
    for (length, line) in
        [(90, "FROM r.io/$A:1\n"), (90, "FROM ${A//x*xy*x?y/z}\n"), (90, "FROM ${A//x/xxxxxxxxx}\n")]
    {
        shapes.push(Shape::new(&format!("ARG A={}\n", "x".repeat(length)), line, ""));
    }
    shapes
}

/// Everything that is done with a definition.
#[derive(Debug)]
pub struct Work {
    policy: Policy,
    context: Context,
}

impl Work {
    /// With every rule on, and all that rules ask for given.
    pub fn new() -> Self {
        let mut label_schema: BTreeMap<String, LabelFormat> =
            LabelFormat::ALL.iter().map(|format| (format.as_str().to_owned(), *format)).collect();
        label_schema.insert("version".to_owned(), LabelFormat::Semver);
        let policy = Policy {
            levels: rules::all().map(|rule| (rule.code.to_owned(), Level::Warning)).collect(),
            trusted_registries: vec!["r.io".to_owned(), "*.example.org".to_owned()],
            label_schema,
            strict_labels: true,
            ..Policy::default()
        };
        let context = Context {
            ignore_file: Some("*.md\n**/node_modules\nb*\n".to_owned()),
            base_platforms: BTreeMap::from([("a:1".to_owned(), vec!["linux/arm64".to_owned()])]),
            platform: Some("linux/amd64".to_owned()),
        };
        Self { policy, context }
    }

    /// A linter for [`Work::on`]; made once.
    pub fn linter(&self) -> Linter<'_> {
        Linter::new(&self.policy)
    }

    /// Reads the text, finds its images, replaces them, shows the change, lints it and takes out its scripts; how many of each there are.
    pub fn on(&self, linter: &Linter<'_>, text: &str) -> [usize; 4] {
        let none = Inputs::default();
        let file = Dockerfile::read(text);
        assert!(file.to_string() == text, "what was read is the text");
        let uses = file.image_uses(&none);
        let other = |image_use: &dockerfile::ImageUse| {
            let image = image_use.resolved.as_ref().ok()?.repository().at_tag("9.9".parse().ok()?);
            Some((image_use.span.clone(), image))
        };
        let wanted: Vec<_> = uses.iter().filter_map(other).collect();
        let replaced = file.replace_images(&none, &wanted).unwrap_or_default();
        let patch = unified_diff(text, &replaced, "Dockerfile");
        let report = linter.lint_in(&file, &self.context, Vec::new());
        let fixes: Vec<Edit> =
            report.findings.iter().flat_map(|finding| finding.fix.iter().cloned()).collect();
        let _mended = file.rewrite(&fixes);
        let scripts = lint::scripts(&file);
        [uses.len(), patch.len(), report.findings.len(), scripts.len()]
    }
}

impl Default for Work {
    fn default() -> Self {
        Self::new()
    }
}
