//! The smallest text that still shows it. Not why it shows.

/// Takes parts out of `text` as long as `shows` holds of what is left: lines first, then characters, larger runs first.
///
/// `text` itself must show it. The result is minimal in that no single character can be taken out of it.
pub fn shrink(text: &str, shows: &mut dyn FnMut(&str) -> bool) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let text = without(lines, shows).concat();
    let characters: Vec<&str> = text.split_inclusive(|_: char| true).collect();
    without(characters, shows).concat()
}

fn without<'a>(mut parts: Vec<&'a str>, shows: &mut dyn FnMut(&str) -> bool) -> Vec<&'a str> {
    let mut run = parts.len();
    while run > 0 {
        let mut at = 0;
        let mut found = false;
        while at < parts.len() {
            let mut left = parts.clone();
            left.drain(at..(at + run).min(parts.len()));
            if shows(&left.concat()) {
                parts = left;
                found = true;
            } else {
                at += run;
            }
        }
        // What could not go before may go once its neighbours are gone.
        if !found || run > 1 {
            run /= 2;
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shows: impl Fn(&str) -> bool, expected: &str) {
        assert!(shows(text));
        assert_eq!(shrink(text, &mut |text| shows(text)), expected);
    }

    #[test]
    fn nothing_is_left_that_is_not_needed() {
        check("FROM a\nRUN x\nRUN <<E y\nCMD z\n", |text| text.contains("<<"), "<<");
        check("ab\nc\u{e0}d\n", |text| text.contains('\u{e0}'), "\u{e0}");
        check("((()))", |text| text.matches('(').count() == text.matches(')').count(), "");
        check("a-b-c", |text| text.starts_with('a') && text.ends_with('c'), "ac");
    }
}
