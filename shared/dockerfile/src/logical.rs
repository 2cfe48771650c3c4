//! A logical line: physical lines joined at their continuations, with the way back to every byte. Not its grammar.

use std::{borrow::Cow, ops::Range};

use crate::blank;

/// The joined text of one instruction's lines.
#[derive(Debug, Clone)]
pub(crate) struct Logical<'a> {
    /// Most instructions are one line, which is not copied.
    text: Cow<'a, str>,
    /// Where the first piece starts in the source.
    start: usize,
    /// Where each further piece starts, in the joined text and in the source; ascending in both.
    further: Vec<(usize, usize)>,
}

impl<'a> Logical<'a> {
    /// The line whose first piece starts at the byte `source` of the file.
    pub(crate) fn new(source: usize, piece: &'a str) -> Self {
        Self { text: Cow::Borrowed(piece), start: source, further: Vec::new() }
    }

    /// Appends a piece that starts at the byte `source` of the file.
    pub(crate) fn push(&mut self, source: usize, piece: &str) {
        self.further.push((self.text.len(), source));
        self.text.to_mut().push_str(piece);
    }

    /// The joined text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The joined text's part `range`; empty where there is none.
    pub(crate) fn slice(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }

    /// Where the byte `at` of the joined text stands in the file.
    pub(crate) fn source(&self, at: usize) -> usize {
        let after = self.further.partition_point(|(logical, _)| *logical <= at);
        let piece = after.checked_sub(1).and_then(|index| self.further.get(index));
        piece.map_or(self.start + at, |(logical, source)| source + (at - logical))
    }

    /// The bytes of the file that `range` covers: a continuation inside it is covered too, one behind it is not.
    pub(crate) fn span(&self, range: &Range<usize>) -> Range<usize> {
        if self.further.is_empty() {
            return self.start + range.start..self.start + range.end.max(range.start);
        }
        let start = self.source(range.start);
        match range.end.checked_sub(1).filter(|last| *last >= range.start) {
            Some(last) => start..self.source(last) + 1,
            None => start..start,
        }
    }

    /// `range` without the white space at its ends.
    pub(crate) fn trim(&self, range: Range<usize>) -> Range<usize> {
        let text = self.slice(&range);
        let behind_blanks = blank::trim_start(text);
        let start = range.start + (text.len() - behind_blanks.len());
        start..start + blank::trim_end(behind_blanks).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_lead_back_through_continuations() {
        // FROM al\⏎pine
        let mut line = Logical::new(0, "FROM al");
        line.push(9, "pine");
        assert_eq!(line.text(), "FROM alpine");
        assert_eq!(line.span(&(0..4)), 0..4);
        assert_eq!(line.span(&(5..7)), 5..7, "a word before the continuation does not cover it");
        assert_eq!(line.span(&(5..11)), 5..13, "a word across the continuation covers it");
        assert_eq!(line.span(&(7..7)), 9..9);
    }
}
