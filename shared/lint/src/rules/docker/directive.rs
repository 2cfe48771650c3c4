//! What a file says about Docker's checks itself: `# check=skip=NAME,…;error=true` at its top, or right above an instruction.
//!
//! Grammar (BuildKit, `linter/linter.go`): options between `;`, each `key=value`; `skip=all` or names between commas; `error=true`.
//! A directive that is not well formed says nothing.

use std::collections::HashSet;

use dockerfile::{Comment, DirectiveName, Dockerfile, Item};

use crate::{
    finding::{Finding, Level},
    policy::Silencing,
};

/// The directives of one file.
#[derive(Debug, Default)]
pub(crate) struct Directives<'a> {
    whole: Options<'a>,
    /// By first and last line of an instruction.
    by_lines: Vec<(usize, usize, Options<'a>)>,
}

#[derive(Debug, Default)]
struct Options<'a> {
    skip: HashSet<&'a str>,
    is_error: bool,
}

impl<'a> Directives<'a> {
    /// What the file says and the policy hears: where comments need more than themselves to silence rules, these skip nothing.
    pub(crate) fn heard(file: &'a Dockerfile, silencing: Silencing) -> Self {
        let mut directives = Self::of(file);
        if silencing != Silencing::Heard {
            directives.whole.skip.clear();
            directives.by_lines.iter_mut().for_each(|(_, _, options)| options.skip.clear());
        }
        directives
    }

    fn of(file: &'a Dockerfile) -> Self {
        let whole = file.directive(DirectiveName::Check).and_then(|directive| options(&directive.value));
        let mut directives = Self { whole: whole.unwrap_or_default(), by_lines: Vec::new() };
        let mut above = None;
        for item in file.items() {
            match item {
                Item::Comment(comment) => {
                    above = above.or(value_in(comment).and_then(options));
                }
                Item::Instruction(instruction) => {
                    let own = above.take().map(|own| (instruction.line, instruction.last_line, own));
                    directives.by_lines.extend(own);
                }
                Item::ByteOrderMark(_) | Item::Blank(_) | Item::Directive(_) => {}
            }
        }
        directives
    }

    /// Applies them to a finding of one of Docker's checks; false if it is skipped.
    pub(crate) fn keep(&self, finding: &mut Finding) -> bool {
        if self.whole.is_error {
            finding.level = Level::Error;
        }
        let before = self.by_lines.partition_point(|(first, ..)| *first <= finding.line);
        let own = before.checked_sub(1).and_then(|last| self.by_lines.get(last));
        let own = own.filter(|(_, last, _)| finding.line <= *last).map(|(_, _, options)| options);
        let mut all = own.into_iter().chain([&self.whole]);
        !all.any(|options| options.skip.contains("all") || options.skip.contains(&*finding.code))
    }
}

/// Whether a directive of this value skips checks.
pub(crate) fn skips(value: &str) -> bool {
    options(value).is_some_and(|options| !options.skip.is_empty())
}

/// The value of a directive right above an instruction, which is a comment to everybody else.
pub(crate) fn value_in(comment: &Comment) -> Option<&str> {
    let value = comment.text.strip_prefix("check").map(str::trim_start)?;
    value.strip_prefix('=').map(str::trim_start)?.split(' ').next()
}

fn options(value: &str) -> Option<Options<'_>> {
    let mut options = Options::default();
    for option in value.trim().split(';').filter(|option| !option.trim().is_empty()) {
        let (key, value) = option.split_once('=')?;
        match (key.trim(), value.trim()) {
            ("skip", names) => options.skip = names.split(',').map(str::trim).collect(),
            ("error", "true" | "True" | "TRUE" | "t" | "T" | "1") => options.is_error = true,
            ("error", "false" | "False" | "FALSE" | "f" | "F" | "0") | ("experimental", _) => {}
            _ => return None,
        }
    }
    Some(options)
}
