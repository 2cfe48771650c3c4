//! A change shown as a unified diff, line by line. Not the smallest one that there is: a short one, found in linear time.
//!
//! What a search for the smallest costs grows with the square of what changed, and a rewritten file may have changed on every line.
//! Where two texts differ, the nearest lines at which they go on alike are looked for, and no farther than [`REACH`].

use std::ops::Range;

/// The lines that are shown around what changed, as `diff` and git do.
const CONTEXT: usize = 3;
/// How many lines are looked over, in both texts together, for the place where they go on alike: a reference with all of its
/// continuations is shorter.
const REACH: usize = 16;

/// Lines that make place for others; one of the two may be none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Change {
    old: Range<usize>,
    new: Range<usize>,
}

/// The change from `old` to `new` as a unified diff of the file `path`, which `git apply` takes; empty where nothing changed.
pub fn unified_diff(old: &str, new: &str, path: &str) -> String {
    if old == new {
        return String::new();
    }
    // Only a line feed ends a line, here and for git.
    let lines = |text| str::split_inclusive(text, '\n').collect::<Vec<&str>>();
    let (old, new) = (lines(old), lines(new));
    let mut patch = format!("--- {}\n+++ {}\n", header("a/", path), header("b/", path));
    let changes = changes(&old, &new);
    let is_near = |one: &Change, next: &Change| next.old.start - one.old.end <= 2 * CONTEXT;
    for hunk in changes.chunk_by(is_near) {
        self::hunk(&old, &new, hunk, &mut patch);
    }
    patch
}

/// Where the texts differ, in order; between two changes stands a line at least.
fn changes(old: &[&str], new: &[&str]) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let (mut at, mut new_at) = (0, 0);
    loop {
        let old_rest = old.get(at..).unwrap_or_default();
        let new_rest = new.get(new_at..).unwrap_or_default();
        let same = old_rest.iter().zip(new_rest).take_while(|(old, new)| old == new).count();
        let old_rest = old_rest.get(same..).unwrap_or_default();
        let new_rest = new_rest.get(same..).unwrap_or_default();
        if old_rest.is_empty() && new_rest.is_empty() {
            return changes;
        }
        let (goes, comes) = differing(old_rest, new_rest);
        let (start, new_start) = (at + same, new_at + same);
        (at, new_at) = (start + goes, new_start + comes);
        match changes.last_mut().filter(|last| last.old.end == start && last.new.end == new_start) {
            Some(last) => (last.old.end, last.new.end) = (at, new_at),
            None => changes.push(Change { old: start..at, new: new_start..new_at }),
        }
    }
}

/// How many lines of each differ, where the first do: up to the nearest that are alike, and one of each where none is near.
fn differing(old: &[&str], new: &[&str]) -> (usize, usize) {
    if old.is_empty() || new.is_empty() {
        return (old.len(), new.len());
    }
    for both in 1..=REACH {
        // As many of the one as of the other is the usual.
        let balanced = (both % 2 == 0).then_some(both / 2);
        for goes in balanced.into_iter().chain(0..=both) {
            let comes = both - goes;
            if let (Some(old), Some(new)) = (old.get(goes), new.get(comes))
                && old == new
            {
                return (goes, comes);
            }
        }
    }
    (1, 1)
}

/// Writes changes that stand near each other, with the lines around them.
fn hunk(old: &[&str], new: &[&str], changes: &[Change], patch: &mut String) {
    let (Some(first), Some(last)) = (changes.first(), changes.last()) else { return };
    let before = first.old.start.min(CONTEXT);
    let behind = (old.len() - last.old.end).min(CONTEXT);
    let mut at = first.old.start - before;
    let end = last.old.end + behind;
    let old_range = numbers(&(at..end));
    let new_range = numbers(&(first.new.start - before..last.new.end + behind));
    patch.push_str(&format!("@@ -{old_range} +{new_range} @@\n"));
    let mut write = |tag: char, lines: &[&str], range: Range<usize>| {
        for line in lines.get(range).unwrap_or_default() {
            patch.push(tag);
            patch.push_str(line);
            if !line.ends_with('\n') {
                patch.push_str("\n\\ No newline at end of file\n");
            }
        }
    };
    for change in changes {
        write(' ', old, at..change.old.start);
        write('-', old, change.old.clone());
        write('+', new, change.new.clone());
        at = change.old.end;
    }
    write(' ', old, at..end);
}

/// A range of lines as a hunk names it: from 1, the count left out where it is one, the line before where there is none.
fn numbers(lines: &Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        count => format!("{},{count}", lines.start + 1),
    }
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
    /// The hunks alone; old and new are lines of one letter.
    #[track_caller]
    fn check(old: &str, new: &str, hunks: &str) {
        let lines = |text: &str| text.chars().map(|line| format!("{line}\n")).collect::<String>();
        let patch = unified_diff(&lines(old), &lines(new), "D");
        let shown: Vec<&str> = patch.lines().skip(2).collect();
        assert_eq!(shown.join("|"), hunks, "{old} {new}");
    }

    #[test]
    fn a_hunk_names_the_lines_that_it_holds() {
        check("xa", "aa", "@@ -1,2 +1,2 @@|-x| a|+a");
        check("ab", "cb", "@@ -1,2 +1,2 @@|-a|+c| b");
        check("", "ab", "@@ -0,0 +1,2 @@|+a|+b");
        check("ab", "", "@@ -1,2 +0,0 @@|-a|-b");
        check("a", "b", "@@ -1 +1 @@|-a|+b");
        check("abcdefg", "abcdXefg", "@@ -2,6 +2,7 @@| b| c| d|+X| e| f| g");
        check("abc", "ac", "@@ -1,3 +1,2 @@| a|-b| c");
    }

    #[test]
    fn changes_share_a_hunk_where_their_surroundings_meet() {
        check("1abcdef2", "3abcdef4", "@@ -1,8 +1,8 @@|-1|+3| a| b| c| d| e| f|-2|+4");
        check("1abcdefg2", "3abcdefg4", "@@ -1,4 +1,4 @@|-1|+3| a| b| c|@@ -6,4 +6,4 @@| e| f| g|-2|+4");
    }
}
