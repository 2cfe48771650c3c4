//! Physical lines: where each starts and ends. Not what they mean.

/// One physical line of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    /// Counted from 1.
    pub(crate) number: usize,
    /// Byte offset of its first byte; behind the byte order mark on the first line.
    pub(crate) start: usize,
    /// Byte offset behind its last byte that is neither carriage return nor line feed.
    pub(crate) text_end: usize,
    /// Byte offset behind its line feed, or the end of the text.
    pub(crate) end: usize,
}

impl Line {
    /// The line without its ending.
    pub(crate) fn text<'a>(&self, source: &'a str) -> &'a str {
        source.get(self.start..self.text_end).unwrap_or_default()
    }
}

/// Walks a text line by line; only a line feed ends a line, and every carriage return before it belongs to the ending.
#[derive(Debug, Clone)]
pub(crate) struct Lines<'a> {
    source: &'a str,
    position: usize,
    number: usize,
}

impl<'a> Lines<'a> {
    /// All lines of `source` from the byte `start` on.
    pub(crate) fn new(source: &'a str, start: usize) -> Self {
        Self { source, position: start, number: 0 }
    }

    /// How many lines have been given out.
    pub(crate) fn count_so_far(&self) -> usize {
        self.number
    }

    /// Where the next line starts.
    pub(crate) fn position(&self) -> usize {
        self.position
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        let rest = self.source.get(self.position..).filter(|rest| !rest.is_empty())?;
        let length = memchr::memchr(b'\n', rest.as_bytes()).map_or(rest.len(), |feed| feed + 1);
        let text = rest.as_bytes().get(..length).unwrap_or_default();
        let ending = text.iter().rev().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.number += 1;
        let start = self.position;
        self.position += length;
        Some(Line { number: self.number, start, text_end: self.position - ending, end: self.position })
    }
}
