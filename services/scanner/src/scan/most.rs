//! As many findings as a fact holds: facts stay in their stream for a year and reach everybody, so they are kept small, and above 1 MiB the broker would not
//! take them.

use std::cmp::Reverse;

use events::fact::Finding;
use lint::{Level, rules::elsewhere};

/// What all findings together may have: below the 64 KiB of a usual message, with room for the rest of it.
const MOST_BYTES: usize = 40 * 1024;
/// What one message may have: a screen of text. Policies may write any.
const LONGEST_BYTES: usize = 2 * 1024;
/// What a finding takes beside its texts: names of fields, a line's number, punctuation.
const FRAME_BYTES: usize = 64;

/// The findings by line, if they all fit; else the worst of them, and at the end how many there are beside.
pub(super) fn of(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.iter_mut().for_each(shorten);
    findings.sort_by_key(|finding| finding.line);
    let mut told: Vec<(usize, Finding)> = findings.into_iter().enumerate().collect();
    told.sort_by_key(|(_, finding)| Reverse(level(finding)));
    let mut bytes = 0;
    let fitting = told.iter().take_while(|(_, finding)| {
        bytes += weight(finding);
        bytes <= MOST_BYTES
    });
    let rest = told.split_off(fitting.count());
    told.sort_by_key(|(place, _)| *place);
    told.into_iter().map(|(_, finding)| finding).chain(more(&rest)).collect()
}

fn more(rest: &[(usize, Finding)]) -> Option<Finding> {
    // They are in order, the worst first.
    let (_, worst) = rest.first()?;
    let errors = rest.iter().filter(|(_, finding)| level(finding) == Level::Error).count();
    Some(Finding {
        line: worst.line,
        code: elsewhere::MORE.code.to_owned(),
        level: worst.level.clone(),
        message: format!(
            "and {} findings more, {errors} of them errors, the first of the worst on this line; `plimsoll lint` lists them all",
            rest.len()
        ),
    })
}

/// About how many bytes it takes on the wire.
fn weight(finding: &Finding) -> usize {
    let Finding { line: _, code, level, message } = finding;
    FRAME_BYTES + [code, level, message].map(|text| written(text)).iter().sum::<usize>()
}

fn shorten(finding: &mut Finding) {
    let message = &mut finding.message;
    if message.len() > LONGEST_BYTES {
        let whole =
            message.char_indices().map(|(place, _)| place).take_while(|place| *place <= LONGEST_BYTES);
        message.truncate(whole.last().unwrap_or_default());
        message.push('…');
    }
}

fn level(finding: &Finding) -> Level {
    finding.level.parse().unwrap_or(Level::Error)
}

/// How many bytes a text has once JSON has escaped it.
fn written(text: &str) -> usize {
    let byte = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u32, level: &str, message: &str) -> Finding {
        Finding { line, code: "DL3004".to_owned(), level: level.to_owned(), message: message.to_owned() }
    }

    #[test]
    fn what_fits_is_all_told_by_line() {
        let all = [finding(3, "error", "c"), finding(1, "info", "a"), finding(2, "warning", "b")];
        let lines: Vec<_> = of(all.to_vec()).iter().map(|finding| finding.line).collect();
        assert_eq!(lines, [1, 2, 3]);
        assert_eq!(of(vec![]), []);
    }

    #[test]
    fn of_many_the_worst_are_told_and_the_rest_counted() {
        let mut all: Vec<_> = (1..=5000).map(|line| finding(line, "warning", "w\u{1}")).collect();
        all.extend((6000..6010).map(|line| finding(line, "error", "e")));
        let told = of(all.clone());
        let (last, kept) = told.split_last().unwrap();
        assert_eq!(kept.iter().filter(|finding| finding.level == "error").count(), 10);
        assert!(kept.is_sorted_by_key(|finding| finding.line));
        let left = all.len() - kept.len();
        assert_eq!((last.code.as_str(), last.level.as_str()), ("PL4002", "warning"));
        assert!(
            last.message.contains(&format!("and {left} findings more, 0 of them errors")),
            "{}",
            last.message
        );
        let bytes: usize = told.iter().map(|finding| {
            serde_json::json!({"line": finding.line, "code": finding.code, "level": finding.level, "message": finding.message}).to_string().len()
        }).sum();
        assert!(bytes < 48 * 1024 && bytes > 20 * 1024, "{bytes}");
    }

    #[test]
    fn a_message_of_any_length_is_cut_between_letters() {
        let told = of(vec![finding(1, "error", &"é".repeat(100_000)), finding(2, "error", "short")]);
        assert_eq!(told.len(), 2);
        assert!(told[0].message.len() < 2 * 1024 + 8 && told[0].message.ends_with("é…"));
    }
}
