//! DL3020: files come in by COPY; ADD is for archives and what is elsewhere.

use dockerfile::{Arguments, Dockerfile, Instruction, Keyword};

use super::{Found, Rule};
use crate::finding::Level;

pub(crate) const RULE: Rule = Rule {
    code: "DL3020",
    level: Level::Error,
    summary: "ADD is used only for what COPY cannot do: unpack archives, fetch what is elsewhere.",
    bad: "FROM alpine:3.20\nADD app /app\n",
    good: "FROM alpine:3.20\nCOPY app /app\n",
    check,
};

/// What ADD unpacks.
const ARCHIVES: [&str; 15] = [
    ".tar", ".gz", ".bz2", ".xz", ".Z", ".lz", ".lzma", ".tgz", ".tb2", ".tbz", ".tbz2", ".tlz", ".tpz",
    ".txz", ".tZ",
];

fn check(file: &Dockerfile) -> Vec<Found> {
    let adds = file.instructions().filter(|instruction| instruction.keyword == Keyword::Add);
    let plain = adds.filter_map(|add| Some((add.line, plain_source(add)?)));
    let message = |source: &str| format!("Write COPY instead of ADD for {source}; ADD may fetch and unpack.");
    plain.map(|(line, source)| Found::new(line, message(source))).collect()
}

/// The first source that COPY would bring in just as well.
fn plain_source(add: &Instruction) -> Option<&str> {
    let paths: Vec<&str> = match &add.arguments {
        Arguments::Words(words) => words.iter().map(|word| word.text.as_str()).collect(),
        Arguments::List(items, _) => items.iter().map(String::as_str).collect(),
        _ => return None,
    };
    let (_, sources) = paths.split_last()?;
    let mut plain = sources.iter().map(|source| source.trim_matches(['"', '\'']));
    plain.find(|source| !is_elsewhere(source) && !ARCHIVES.iter().any(|archive| source.ends_with(archive)))
}

/// An address, a git repository, or a heredoc, which COPY takes too but which is no file.
fn is_elsewhere(source: &str) -> bool {
    ["http://", "https://", "git://", "git@", "ssh://", "<<"].iter().any(|start| source.starts_with(start))
}
