//! Where COPY and ADD take from and put to. Not whether that is sound.

use dockerfile::{Arguments, Instruction};

use crate::rules::quotes;

/// The paths of a COPY or ADD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paths<'a> {
    /// How many sources there are; where the first is a heredoc, only heredocs count, as hadolint has it.
    pub(super) sources: usize,
    /// The target without its quotes.
    pub(super) target: &'a str,
}

/// The paths of a COPY or ADD that has both a source and a target.
pub(super) fn of(instruction: &Instruction) -> Option<Paths<'_>> {
    let (count, first, target) = match &instruction.arguments {
        Arguments::Words(words) => (words.len(), words.first()?.text.as_str(), words.last()?.text.as_str()),
        Arguments::List(items, _) => (items.len(), items.first()?.as_str(), items.last()?.as_str()),
        _ => return None,
    };
    let sources = if first.starts_with("<<") { instruction.heredocs.len() } else { count.checked_sub(1)? };
    Some(Paths { sources, target: quotes::bare(target) })
}

/// From the root, from a variable, or from a Windows drive.
pub(super) fn is_absolute(path: &str) -> bool {
    let mut characters = path.chars();
    match (characters.next(), characters.next()) {
        (Some('/' | '$'), _) => true,
        (Some(drive), Some(':')) => drive.is_alphabetic(),
        _ => false,
    }
}
