//! A report for people: place, code, level and message on one line, as hadolint has it, and below it the line itself with what is
//! meant underlined, and the change that would put it right.

use std::fmt::Write as _;

use super::{Colour, Judged, one_line};
use crate::finding::{Finding, Level};

/// The longest part of a line that is shown; longer ones are cut around what is meant.
const WIDEST_EXCERPT: usize = 160;
/// The most bytes of a change that are shown: a fix is a word or two, and a report is no diff.
const LONGEST_CHANGE_BYTES: usize = 200;

pub(super) fn file(out: &mut String, judged: &Judged<'_>, colour: Colour) {
    if judged.findings.is_empty() {
        return;
    }
    let lines = Lines::of(judged.text);
    for finding in judged.findings {
        headline(out, judged.path, finding, colour);
        excerpt(out, &lines, finding, colour);
        change(out, judged.text, finding, colour);
    }
}

fn headline(out: &mut String, path: &str, finding: &Finding, colour: Colour) {
    let Finding { line, code, level, message, .. } = finding;
    let _ = write!(out, "{}:{line} {code} ", one_line(path));
    painted(out, level.as_str(), shade(*level), colour);
    let _ = writeln!(out, ": {}", one_line(message));
}

/// The finding's line, and a second one that underlines the part that is meant.
fn excerpt(out: &mut String, lines: &Lines<'_>, finding: &Finding, colour: Colour) {
    let Some((start, line)) = lines.get(finding.line) else { return };
    let shown = line.trim_end();
    if shown.trim().is_empty() {
        return;
    }
    // Without a place of its own a finding is about the whole instruction; its first line stands for it.
    let whole = start + (shown.len() - shown.trim_start().len())..start + shown.len();
    let meant = finding.span.clone().filter(|span| (start..start + shown.len()).contains(&span.start));
    let meant = meant.unwrap_or(whole);
    let before = shown.get(..meant.start.saturating_sub(start)).unwrap_or_default();
    let under = shown.get(before.len()..(meant.end - start).min(shown.len())).unwrap_or_default();
    let width = |text: &str| text.chars().count();
    let skipped = (width(before) + width(under).min(WIDEST_EXCERPT / 2)).saturating_sub(WIDEST_EXCERPT);
    let visible: String = shown.chars().skip(skipped).take(WIDEST_EXCERPT).collect();
    let indent = width(before).saturating_sub(skipped);
    let length = width(under).clamp(1, WIDEST_EXCERPT.saturating_sub(indent).max(1));
    let number = finding.line;
    let gutter = number.to_string().len();
    let _ = writeln!(out, " {number} | {}", one_line(&visible));
    let _ = write!(out, " {:gutter$} | {:indent$}", "", "");
    painted(out, &"^".repeat(length), shade(finding.level), colour);
    out.push('\n');
}

/// What `--fix` would put there.
fn change(out: &mut String, text: &str, finding: &Finding, colour: Colour) {
    for edit in &finding.fix {
        let old = text.get(edit.span.clone()).unwrap_or_default();
        if old.len() + edit.replacement.len() > LONGEST_CHANGE_BYTES {
            continue;
        }
        out.push_str("   = ");
        painted(out, "fix", "1;32", colour);
        let _ =
            writeln!(out, ": `{}` -> `{}`", one_line(old.trim_end()), one_line(edit.replacement.trim_end()));
    }
}

/// The ANSI colour of a level.
fn shade(level: Level) -> &'static str {
    match level {
        Level::Error => "1;91",
        Level::Warning => "1;93",
        Level::Info => "92",
        Level::Style => "96",
        Level::Ignore => "94",
    }
}

fn painted(out: &mut String, text: &str, shade: &str, colour: Colour) {
    // Writing into a string cannot fail.
    let _ = match colour {
        Colour::Ansi => write!(out, "\u{1b}[{shade}m{text}\u{1b}[0m"),
        Colour::Plain => out.write_str(text),
    };
}

/// The lines of a text with the byte at which each begins.
struct Lines<'a>(Vec<(usize, &'a str)>);

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        // The mark is no part of what the first line says.
        let behind_mark = text.trim_start_matches('\u{feff}');
        let mut start = text.len() - behind_mark.len();
        Self(
            behind_mark
                .split_inclusive('\n')
                .map(|line| {
                    let at = start;
                    start += line.len();
                    (at, line)
                })
                .collect(),
        )
    }

    fn get(&self, number: usize) -> Option<(usize, &'a str)> {
        self.0.get(number.checked_sub(1)?).copied()
    }
}
