//! A whole Dockerfile, read: its items in order, its stages, its mistakes. Not the reading itself (see `parse`).

use std::{fmt, ops::Range};

use crate::{
    directive::{Directive, DirectiveName, Escape},
    dispute::Dispute,
    error::{ParseError, ParseErrors},
    instruction::Instruction,
    parse,
    stage::Stage,
};

/// A Dockerfile with every byte it was written with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dockerfile {
    pub(crate) text: String,
    pub(crate) items: Vec<Item>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) errors: Vec<ParseError>,
    pub(crate) escape: Escape,
    pub(crate) disputes: Vec<Dispute>,
}

/// One item of the file. The spans of all items, in order, are the file without gap or overlap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// U+FEFF at the very start.
    ByteOrderMark(Range<usize>),
    /// A line of white space.
    Blank(Range<usize>),
    /// A comment that is no directive.
    Comment(Comment),
    /// A parser directive.
    Directive(Directive),
    /// An instruction with its continuations and heredocs; apart, so that a blank line does not take as much as one.
    Instruction(Box<Instruction>),
}

/// A comment on its own line, outside any instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its line, from 1.
    pub line: usize,
    /// The whole line with its ending.
    pub span: Range<usize>,
    /// What it says, without `#` and the blanks around.
    pub text: String,
}

/// Why bytes are no Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: the file is not UTF-8 text (byte {offset}); save it as UTF-8")]
pub struct NotText {
    /// The line of the first byte that is wrong, from 1.
    pub line: usize,
    /// Its offset in the file.
    pub offset: usize,
}

impl Dockerfile {
    /// Reads a file that must be right: any mistake is an error, and all of them are told.
    pub fn parse(text: &str) -> Result<Self, ParseErrors> {
        let file = Self::read(text);
        if file.errors.is_empty() { Ok(file) } else { Err(ParseErrors(file.errors)) }
    }

    /// Reads whatever there is; mistakes are kept in [`Dockerfile::errors`] and reading goes on behind each.
    pub fn read(text: &str) -> Self {
        parse::read(text)
    }

    /// Bytes as the text of a Dockerfile, or where they stop to be text.
    pub fn text_of(bytes: &[u8]) -> Result<&str, NotText> {
        std::str::from_utf8(bytes).map_err(|error| {
            let offset = error.valid_up_to();
            let before = bytes.get(..offset).unwrap_or_default();
            NotText { line: 1 + before.iter().filter(|byte| **byte == b'\n').count(), offset }
        })
    }

    /// The text as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text alone.
    pub fn into_text(self) -> String {
        self.text
    }

    /// Everything in the file, in order.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The mistakes, by line.
    pub fn errors(&self) -> &[ParseError] {
        &self.errors
    }

    /// The escape character in force.
    pub fn escape(&self) -> Escape {
        self.escape
    }

    /// The instructions, in order; those deferred by ONBUILD are inside theirs.
    pub fn instructions(&self) -> impl Iterator<Item = &Instruction> {
        self.items.iter().filter_map(Item::instruction)
    }

    /// The comments between instructions, in order.
    pub fn comments(&self) -> impl Iterator<Item = &Comment> {
        self.items.iter().filter_map(|item| match item {
            Item::Comment(comment) => Some(comment),
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Directive(_) | Item::Instruction(_) => None,
        })
    }

    /// The parser directive of that name.
    pub fn directive(&self, name: DirectiveName) -> Option<&Directive> {
        self.items.iter().find_map(|item| match item {
            Item::Directive(directive) if directive.name == name => Some(directive),
            _ => None,
        })
    }

    /// The text of `span`; empty where the file has no such bytes.
    pub fn source(&self, span: &Range<usize>) -> &str {
        self.text.get(span.clone()).unwrap_or_default()
    }
}

impl Item {
    /// The item's bytes, line endings included.
    pub fn span(&self) -> &Range<usize> {
        match self {
            Self::ByteOrderMark(span) | Self::Blank(span) => span,
            Self::Comment(comment) => &comment.span,
            Self::Directive(directive) => &directive.span,
            Self::Instruction(instruction) => &instruction.span,
        }
    }

    /// The instruction, if it is one.
    pub fn instruction(&self) -> Option<&Instruction> {
        match self {
            Self::Instruction(instruction) => Some(instruction),
            Self::ByteOrderMark(_) | Self::Blank(_) | Self::Comment(_) | Self::Directive(_) => None,
        }
    }
}

impl fmt::Display for Dockerfile {
    /// The file, byte for byte, put together from its items.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.iter().try_for_each(|item| f.write_str(self.source(item.span())))
    }
}
