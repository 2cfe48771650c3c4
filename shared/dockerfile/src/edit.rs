//! Changing bytes of a file and nothing else. Not deciding what to change, nor showing it (see `patch`).

use std::ops::Range;

use crate::document::Dockerfile;

/// A replacement for some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The bytes that go.
    pub span: Range<usize>,
    /// What comes in their place.
    pub replacement: String,
}

/// Why edits cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEdit {
    /// Two edits touch the same bytes.
    #[error("the edits of bytes {}..{} and {}..{} overlap", first.start, first.end, second.start, second.end)]
    Overlap {
        /// The one that starts first.
        first: Range<usize>,
        /// The other.
        second: Range<usize>,
    },
    /// An edit reaches behind the end of the file or into a character.
    #[error("bytes {}..{} are not a piece of this file", .0.start, .0.end)]
    Outside(Range<usize>),
}

impl Dockerfile {
    /// The text with exactly those bytes replaced, in whatever order the edits are given.
    ///
    /// Two equal edits are one; edits that overlap otherwise or reach outside the text are errors.
    pub fn rewrite(&self, edits: &[Edit]) -> Result<String, InvalidEdit> {
        let mut edits: Vec<&Edit> = edits.iter().collect();
        edits.sort_by_key(|edit| (edit.span.start, edit.span.end));
        edits.dedup();
        let mut text = String::with_capacity(self.text.len());
        let mut done = 0;
        let mut before: Option<&Edit> = None;
        for edit in edits {
            if let Some(first) = before.filter(|first| first.span.end > edit.span.start) {
                return Err(InvalidEdit::Overlap { first: first.span.clone(), second: edit.span.clone() });
            }
            let outside = || InvalidEdit::Outside(edit.span.clone());
            self.text.get(edit.span.clone()).ok_or_else(outside)?;
            text.push_str(self.text.get(done..edit.span.start).ok_or_else(outside)?);
            text.push_str(&edit.replacement);
            done = edit.span.end;
            before = Some(edit);
        }
        text.push_str(self.text.get(done..).unwrap_or_default());
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(edits: &[(Range<usize>, &str)], expected: Result<&str, InvalidEdit>) {
        let file = Dockerfile::read("FROM alpine AS a\n");
        let edits: Vec<Edit> = edits
            .iter()
            .map(|(span, replacement)| Edit { span: span.clone(), replacement: (*replacement).to_owned() })
            .collect();
        assert_eq!(file.rewrite(&edits), expected.map(str::to_owned));
    }

    #[test]
    fn only_the_named_bytes_change() {
        check(&[], Ok("FROM alpine AS a\n"));
        check(&[(15..16, "b"), (5..11, "busybox:1")], Ok("FROM busybox:1 AS b\n"));
        check(&[(5..11, "x"), (5..11, "x")], Ok("FROM x AS a\n"));
        check(&[(5..11, "x"), (5..11, "y")], Err(InvalidEdit::Overlap { first: 5..11, second: 5..11 }));
        check(&[(5..11, "x"), (7..8, "y")], Err(InvalidEdit::Overlap { first: 5..11, second: 7..8 }));
        check(&[(5..99, "x")], Err(InvalidEdit::Outside(5..99)));
        check(&[(99..100, "x")], Err(InvalidEdit::Outside(99..100)));
    }
}
