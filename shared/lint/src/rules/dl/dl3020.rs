//! DL3020: files come in by COPY; ADD is for archives and what is elsewhere.

use dockerfile::{Arguments, Edit, Instruction, Keyword};

use crate::{
    finding::Level,
    rule::{Check, Here, Rule, Sink, When},
    rules::quotes,
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

/// Ends of names that mean text.
const TEXTS: [&str; 39] = [
    "c",
    "cfg",
    "conf",
    "cpp",
    "cs",
    "css",
    "csv",
    "env",
    "go",
    "gradle",
    "h",
    "html",
    "ini",
    "java",
    "js",
    "json",
    "jsx",
    "kt",
    "lock",
    "md",
    "mjs",
    "mod",
    "php",
    "pl",
    "properties",
    "py",
    "rb",
    "repo",
    "rs",
    "service",
    "sh",
    "sql",
    "toml",
    "ts",
    "tsx",
    "txt",
    "xml",
    "yaml",
    "yml",
];

fn check(here: &Here<'_>, sink: &mut Sink<'_>) {
    if here.when == When::Deferred {
        return;
    }
    if let Some(source) = plain_source(here.instruction) {
        sink.report_with_fix(
            here.line,
            format!("Write COPY instead of ADD for {source}; ADD may fetch and unpack."),
            copy_instead(here),
        );
    }
}

/// COPY in ADD's place, where it does the very same: no flag is ADD's alone, and every source is a folder or a file whose name
/// says that it is text. What ADD unpacks it tells by the contents, so any other file may be an archive, and so may one of those that
/// a pattern means.
fn copy_instead(here: &Here<'_>) -> Vec<Edit> {
    let add = here.instruction;
    let shared = |name: &str| matches!(name, "chown" | "chmod" | "link" | "exclude");
    let certain = |source: &str| {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        !source.contains(['$', ':', '@', '*', '?', '[', '\\'])
            && (source.ends_with('/') || name == "." || extension(name).is_some_and(is_text))
    };
    if !add.flags.iter().all(|flag| shared(&flag.name))
        || !sources(add).iter().all(|source| is_plain(source) && certain(source))
    {
        return Vec::new();
    }
    let written = here.subject.file.source(&add.keyword_span);
    let copy = if written.bytes().all(|byte| byte.is_ascii_lowercase()) { "copy" } else { "COPY" };
    vec![Edit { span: add.keyword_span.clone(), replacement: copy.to_owned() }]
}

/// What stands behind the last dot of a name that has something before it.
fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.')
        .filter(|(stem, extension)| !stem.is_empty() && !extension.is_empty())
        .map(|(_, end)| end)
}

fn is_text(extension: &str) -> bool {
    TEXTS.iter().any(|text| extension.eq_ignore_ascii_case(text))
}

/// The first source that COPY would bring in just as well.
fn plain_source(add: &Instruction) -> Option<&str> {
    sources(add).into_iter().find(|source| is_plain(source))
}

/// What it adds, without quotes.
fn sources(add: &Instruction) -> Vec<&str> {
    let mut paths: Vec<&str> = match &add.arguments {
        Arguments::Words(words) => words.iter().map(|word| word.text.as_str()).collect(),
        Arguments::List(items, _) => items.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    };
    paths.pop();
    paths.into_iter().map(quotes::bare).collect()
}

/// Neither an address nor an archive by its name; a heredoc is no file. As hadolint has it, git repositories count as files.
fn is_plain(source: &str) -> bool {
    let is_elsewhere = ["http://", "https://", "<<"].iter().any(|start| source.starts_with(start));
    !is_elsewhere && !ARCHIVES.iter().any(|archive| source.ends_with(archive))
}
