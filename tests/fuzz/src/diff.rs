//! Patches: carried out to the letter on the old text, each is the new one.

use dockerfile::unified_diff;

/// Checks the patch from one text to the other.
pub fn check(old: &str, new: &str) {
    let patch = unified_diff(old, new, "Dockerfile");
    assert_eq!(patch.is_empty(), old == new, "only no change is an empty patch");
    if !patch.is_empty() {
        assert_eq!(patched(old, &patch), new, "{patch}");
    }
}

/// `old` as `patch` changes it, every line and every number of it held to.
fn patched(old: &str, patch: &str) -> String {
    let mut old = old.split_inclusive('\n');
    let mut at = 0;
    let mut new = String::new();
    let mut new_at = 0;
    let mut lines = patch.split_inclusive('\n').skip(2).peekable();
    while let Some(header) = lines.next() {
        let ranges = header.strip_prefix("@@ -").and_then(|rest| rest.strip_suffix(" @@\n")).expect(header);
        let (from, to) = ranges.split_once(" +").expect(header);
        let ((from, mut goes), (to, mut comes)) = (range(from), range(to));
        while at < from {
            new.push_str(old.next().expect("a hunk stands inside the text"));
            (at, new_at) = (at + 1, new_at + 1);
        }
        assert_eq!((at, new_at), (from, to), "{header}");
        while (goes, comes) != (0, 0) {
            let line = lines.next().expect("a hunk is whole");
            let (tag, text) = line.split_at(1);
            let text = match lines.next_if(|next| next.starts_with('\\')) {
                Some(_) => text.strip_suffix('\n').expect("it is on a line of its own"),
                None => text,
            };
            if tag != "+" {
                assert_eq!(old.next(), Some(text), "what goes or stays is there");
                (at, goes) = (at + 1, goes - 1);
            }
            if tag != "-" {
                new.push_str(text);
                (new_at, comes) = (new_at + 1, comes - 1);
            }
            assert!(matches!(tag, " " | "+" | "-"), "{line}");
        }
    }
    new.extend(old);
    new
}

/// `7,3` as the lines before the hunk and those in it.
fn range(text: &str) -> (usize, usize) {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    let (start, count): (usize, usize) = (start.parse().expect(text), count.parse().expect(text));
    // A range without lines names the line before it.
    (if count == 0 { start } else { start - 1 }, count)
}
