//! What a file's own comments silence: `# hadolint ignore=CODE,…` and `# hadolint global ignore=CODE,…`.
//!
//! As hadolint has it: the first form counts for the instruction on the very next line, the second for the whole file; the
//! words are lower case, codes are upper case, and nothing else may stand in the comment.

use std::collections::{HashMap, HashSet};

use dockerfile::Dockerfile;

use crate::{finding::Finding, rules::dl::dl1000};

/// The silenced codes of one file.
#[derive(Debug, Default)]
pub(crate) struct Pragmas<'a> {
    everywhere: HashSet<&'a str>,
    by_line: HashMap<usize, HashSet<&'a str>>,
}

impl<'a> Pragmas<'a> {
    pub(crate) fn of(file: &'a Dockerfile) -> Self {
        let mut pragmas = Self::default();
        for comment in file.comments() {
            let Some(words) = comment.text.strip_prefix("hadolint").filter(|rest| rest.starts_with(is_blank))
            else {
                continue;
            };
            let words = words.trim_start_matches(is_blank);
            let (scope, rest) = match words.strip_prefix("global").filter(|rest| rest.starts_with(is_blank)) {
                Some(rest) => (None, rest.trim_start_matches(is_blank)),
                None => (Some(comment.line + 1), words),
            };
            let Some(codes) = codes(rest) else { continue };
            match scope {
                None => pragmas.everywhere.extend(codes),
                Some(line) => pragmas.by_line.entry(line).or_default().extend(codes),
            }
        }
        pragmas
    }

    /// Whether the file silences this finding. A file that cannot be read cannot silence that.
    pub(crate) fn silence(&self, finding: &Finding) -> bool {
        let here = self.by_line.get(&finding.line).is_some_and(|codes| codes.contains(&*finding.code));
        finding.code != dl1000::RULE.code && (here || self.everywhere.contains(&*finding.code))
    }
}

/// The shell that a comment `# hadolint shell=NAME` puts in force; one word, and at most a comment behind it.
pub(crate) fn shell(comment: &str) -> Option<&str> {
    let words = comment.strip_prefix("hadolint").filter(|rest| rest.starts_with(is_blank))?;
    let rest = words.trim_start_matches(is_blank).strip_prefix("shell")?.trim_start_matches(is_blank);
    let value = rest.strip_prefix('=')?.trim_matches(is_blank);
    let (shell, behind) = value.split_at(value.find(is_blank).unwrap_or(value.len()));
    let behind = behind.trim_start_matches(is_blank);
    (!shell.is_empty() && (behind.is_empty() || behind.starts_with('#'))).then_some(shell)
}

/// The codes of `ignore = A, B`; none if it is anything else.
fn codes(text: &str) -> Option<Vec<&str>> {
    let list = text.strip_prefix("ignore")?.trim_start_matches(is_blank).strip_prefix('=')?;
    let codes: Vec<&str> = list.split(',').map(|code| code.trim_matches(is_blank)).collect();
    codes.iter().all(|code| is_code(code)).then_some(codes)
}

/// `[A-Z]+[0-9]+`, as in `DL3006`, `SC2086`, `PL1001`.
fn is_code(code: &str) -> bool {
    let digits = code.trim_start_matches(|c: char| c.is_ascii_uppercase());
    digits.len() < code.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}
