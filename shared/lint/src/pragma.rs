//! What a file's own comments silence: `# hadolint ignore=CODE,…` and `# hadolint global ignore=CODE,…`.
//!
//! As hadolint has it: the first form counts for the instruction on the very next line, the second for the whole file; the
//! words are lower case, codes are upper case, and behind them there may only be a comment: `# reason`.

use std::collections::{HashMap, HashSet};

use dockerfile::Dockerfile;

use crate::{finding::Finding, policy::Silencing, rules::dl::dl1000};

/// The silenced codes of one file.
#[derive(Debug, Default)]
pub(crate) struct Pragmas<'a> {
    everywhere: HashSet<&'a str>,
    by_line: HashMap<usize, HashSet<&'a str>>,
}

/// One comment that silences.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pragma<'a> {
    pub(crate) scope: Scope,
    /// `A, B`, each a code.
    list: &'a str,
    /// What stands behind the second `#`; empty where nothing does.
    pub(crate) reason: &'a str,
}

/// How far a comment reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    NextLine,
    File,
}

impl<'a> Pragmas<'a> {
    /// The comments that a policy hears.
    pub(crate) fn of(file: &'a Dockerfile, silencing: Silencing) -> Self {
        let mut pragmas = Self::default();
        if silencing == Silencing::Forbidden {
            return pragmas;
        }
        for comment in file.comments() {
            let Some(pragma) = Pragma::of(&comment.text) else { continue };
            if silencing == Silencing::WithReason && pragma.reason.is_empty() {
                continue;
            }
            match pragma.scope {
                Scope::File => pragmas.everywhere.extend(pragma.codes()),
                Scope::NextLine => {
                    pragmas.by_line.entry(comment.line + 1).or_default().extend(pragma.codes())
                }
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

impl<'a> Pragma<'a> {
    /// The comment `hadolint [global] ignore = A, B [# reason]`; none if it is anything else.
    pub(crate) fn of(comment: &'a str) -> Option<Self> {
        let words = comment.strip_prefix("hadolint").filter(|rest| rest.starts_with(is_blank))?;
        let words = words.trim_start_matches(is_blank);
        let (scope, rest) = match words.strip_prefix("global").filter(|rest| rest.starts_with(is_blank)) {
            Some(rest) => (Scope::File, rest.trim_start_matches(is_blank)),
            None => (Scope::NextLine, words),
        };
        let behind = rest.strip_prefix("ignore")?.trim_start_matches(is_blank).strip_prefix('=')?;
        let (list, reason) = behind.split_once('#').unwrap_or((behind, ""));
        let pragma = Self { scope, list, reason: reason.trim_matches(|c| c == '#' || is_blank(c)) };
        pragma.codes().all(is_code).then_some(pragma)
    }

    fn codes(self) -> impl Iterator<Item = &'a str> {
        self.list.split(',').map(|code| code.trim_matches(is_blank))
    }
}

/// `[A-Z]+[0-9]+`, as in `DL3006`, `SC2086`, `PL1001`.
fn is_code(code: &str) -> bool {
    let digits = code.trim_start_matches(|c: char| c.is_ascii_uppercase());
    digits.len() < code.len() && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_blank(c: char) -> bool {
    c == ' ' || c == '\t'
}
