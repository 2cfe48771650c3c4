//! Changing bytes of a file and nothing else, and showing the change. Not deciding what to change.

use std::ops::Range;

use similar::TextDiff;

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

/// The change from `old` to `new` as a unified diff of the file `path`, which `git apply` takes; empty where nothing changed.
pub fn unified_diff(old: &str, new: &str, path: &str) -> String {
    if old == new {
        return String::new();
    }
    // Only a line feed ends a line here and for git; to the crate a carriage return alone would end one too.
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (old, new) = (lines(old), lines(new));
    let diff = TextDiff::from_slices(&old, &new);
    let mut patch = format!("--- {}\n+++ {}\n", header("a/", path), header("b/", path));
    for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
        patch.push_str(&format!("{}\n", hunk.header()));
        for change in hunk.iter_changes() {
            patch.push_str(&format!("{}{}", change.tag(), change.value()));
            if !change.value().ends_with('\n') {
                patch.push_str("\n\\ No newline at end of file\n");
            }
        }
    }
    patch
}

/// A file's name as git writes it in a patch (`quote_c_style`): in quotes where it holds what would end it, and ended by a tab where it
/// holds a blank.
fn header(side: &str, path: &str) -> String {
    let special = |b: u8| !(b' '..0x7f).contains(&b) || b == b'"' || b == b'\\';
    if !path.bytes().any(special) {
        return format!("{side}{path}{}", if path.contains(' ') { "\t" } else { "" });
    }
    let mut quoted = format!("\"{side}");
    for byte in path.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', char::from(byte)]),
            _ if special(byte) => quoted.push_str(&format!("\\{byte:03o}")),
            _ => quoted.push(char::from(byte)),
        }
    }
    quoted + "\""
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

    #[test]
    fn a_diff_names_the_file_and_the_lines() {
        let (old, new) = ("FROM a:1\r\nRUN x\r\n", "FROM a:2\r\nRUN x\r\n");
        let expected =
            "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,2 +1,2 @@\n-FROM a:1\r\n+FROM a:2\r\n RUN x\r\n";
        assert_eq!(unified_diff(old, new, "Dockerfile"), expected);
        assert_eq!(unified_diff(old, old, "Dockerfile"), "");
        let inside = unified_diff("FROM a\nRUN x\ry\n", "FROM b\nRUN x\ry\n", "Dockerfile");
        assert!(inside.ends_with("@@ -1,2 +1,2 @@\n-FROM a\n+FROM b\n RUN x\ry\n"), "{inside}");
        let open = unified_diff("FROM a\r", "FROM b\r", "Dockerfile");
        assert!(
            open.ends_with(
                "-FROM a\r\n\\ No newline at end of file\n+FROM b\r\n\\ No newline at end of file\n"
            ),
            "{open}"
        );
        let at_end = unified_diff("FROM a:1", "FROM a:2", "d/Dockerfile");
        assert!(at_end.contains("-FROM a:1\n\\ No newline at end of file\n+FROM a:2\n"), "{at_end}");
    }
}
