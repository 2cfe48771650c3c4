//! What a file says about Docker's checks itself: `# check=skip=NAME,…;error=true` at its top, or right above an instruction.
//!
//! Grammar (BuildKit, `linter/linter.go`): options between `;`, each `key=value`; `skip=all` or names between commas; `error=true`.
//! A directive that is not well formed says nothing.

use std::collections::HashSet;

use dockerfile::{DirectiveName, Dockerfile, Item};

use crate::finding::{Finding, Level};

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
    pub(crate) fn of(file: &'a Dockerfile) -> Self {
        let whole = file.directive(DirectiveName::Check).and_then(|directive| options(&directive.value));
        let mut directives = Self { whole: whole.unwrap_or_default(), by_lines: Vec::new() };
        let mut above = None;
        for item in file.items() {
            match item {
                Item::Comment(comment) => {
                    let value = comment.text.strip_prefix("check").map(str::trim_start);
                    let value = value.and_then(|value| value.strip_prefix('=')).map(str::trim_start);
                    let first = value.and_then(|value| value.split(' ').next());
                    above = above.or(first.and_then(options));
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
