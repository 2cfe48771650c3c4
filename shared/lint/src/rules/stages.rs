//! What several rules ask about stages and the flags that name them. Not what is wrong with either.

use std::ops::Range;

use dockerfile::{Instruction, Keyword};

use crate::subject::Subject;

/// The name that a FROM gives its stage.
pub(super) fn name(from: &Instruction) -> Option<&str> {
    match from.words() {
        [_, _, name] => Some(name.text.as_str()),
        _ => None,
    }
}

/// The instructions of a keyword that their stage has had already; those before the first FROM count together.
pub(super) fn repeated<'a>(
    subject: &Subject<'a>,
    keyword: Keyword,
) -> impl Iterator<Item = &'a Instruction> + use<'a> {
    let mut seen = false;
    subject.file.instructions().filter(move |instruction| {
        let is_repeated = instruction.keyword == keyword && seen;
        seen = (seen || instruction.keyword == keyword) && instruction.keyword != Keyword::From;
        is_repeated
    })
}

/// The value of a flag as it is written, its quotes included, and the bytes of the whole flag.
pub(super) fn flag<'a>(
    subject: &Subject<'a>,
    instruction: &'a Instruction,
    name: &str,
) -> Option<(&'a str, &'a Range<usize>)> {
    let flag = instruction.flags.iter().find(|flag| flag.name == name)?;
    let (_, value) = subject.file.source(&flag.span).split_once('=')?;
    Some((value, &flag.span))
}

/// What a COPY copies from, if that is not the context.
pub(super) fn copied_from<'a>(
    subject: &Subject<'a>,
    copy: &'a Instruction,
) -> Option<(&'a str, &'a Range<usize>)> {
    flag(subject, copy, "from")
}
