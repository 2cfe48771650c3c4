//! DL3020: files come in by COPY; ADD is for archives and what is elsewhere.

use dockerfile::{Arguments, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
};

pub(crate) const RULE: Rule = Rule {
    code: "DL3020",
    level: Level::Error,
    page: include_str!("dl3020.md"),
    check: Check::Instructions(&[Keyword::Add], check),
};

/// What ADD unpacks.
const ARCHIVES: [&str; 15] = [
    ".tar", ".gz", ".bz2", ".xz", ".Z", ".lz", ".lzma", ".tgz", ".tb2", ".tbz", ".tbz2", ".tlz", ".tpz",
    ".txz", ".tZ",
];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    if let Some(source) = plain_source(here.instruction) {
        sink.report(here.line, format!("Write COPY instead of ADD for {source}; ADD may fetch and unpack."));
    }
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
