//! Go's regular expressions in the syntax of the `regex` crate: both are RE2's, and part where RE2 takes literally what the crate gives a meaning, or
//! refuses. Not what matches: the two agree on that, but for `\B`, which knows more than ASCII here. A few things that Go refuses are read (`a**`, `(?x)`).
//!
//! Differences (Go, `regexp/syntax`): a brace that begins no repetition is itself; in a class `[`, `&&`, `--` and `~~` are characters, and so is a `-`
//! beside `\w`; `\Q…\E` quotes; `\123` is octal; `\<` and `\>` are themselves; `\d`, `\s`, `\w` and `\b` know ASCII alone.

use std::{iter::Peekable, str::Chars};

const DIGIT: &str = "0-9";
const SPACE: &str = r"\t\n\f\r\x20";
const WORD: &str = "0-9A-Za-z_";
/// Go repeats nothing more often.
const MOST_REPEATED: u32 = 1_000;
/// `1000,1000}`: nobody looks further for the end of one.
const LONGEST_REPETITION: usize = 10;

struct Translation<'p> {
    rest: Peekable<Chars<'p>>,
    out: String,
}

/// The same expression for the crate. What is an error in Go stays one there, as a rule.
pub(super) fn translated(pattern: &str) -> String {
    let mut translation = Translation { rest: pattern.chars().peekable(), out: String::new() };
    while let Some(character) = translation.rest.next() {
        match character {
            '\\' => translation.escape(Place::Outside),
            '[' => translation.class(),
            '{' if !translation.repeats() => translation.out.push_str("\\{"),
            '}' => translation.out.push_str("\\}"),
            '{' => {
                translation.out.push('{');
                let repetition: String = translation.rest.by_ref().take_while(|c| *c != '}').collect();
                translation.out.push_str(&repetition);
                translation.out.push('}');
            }
            _ => translation.out.push(character),
        }
    }
    translation.out
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Outside,
    Class,
}

impl Translation<'_> {
    /// Whether what stands behind a brace makes it a repetition: `n}`, `n,}` or `n,m}`.
    fn repeats(&self) -> bool {
        let inside: String = self.rest.clone().take(LONGEST_REPETITION).take_while(|c| *c != '}').collect();
        if self.rest.clone().nth(inside.chars().count()) != Some('}') {
            return false;
        }
        let number = |text: &str| {
            let plain =
                text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            text.parse::<u32>().is_ok_and(|times| plain && times <= MOST_REPEATED)
        };
        match inside.split_once(',') {
            None => number(&inside),
            Some((least, "")) => number(least),
            Some((least, most)) => number(least) && number(most),
        }
    }

    /// What stands behind a backslash.
    fn escape(&mut self, place: Place) {
        let Some(character) = self.rest.next() else {
            // Incomplete in both.
            return self.out.push('\\');
        };
        match (character, place) {
            ('d', _) => self.set("", DIGIT, place),
            ('D', _) => self.set("^", DIGIT, place),
            ('s', _) => self.set("", SPACE, place),
            ('S', _) => self.set("^", SPACE, place),
            ('w', _) => self.set("", WORD, place),
            ('W', _) => self.set("^", WORD, place),
            ('b', Place::Outside) => self.out.push_str(r"(?-u:\b)"),
            ('Q', Place::Outside) => self.quoted(),
            ('p' | 'P' | 'x', _) => {
                self.out.extend(['\\', character]);
                self.braces();
            }
            ('0'..='7', _) => self.octal(character),
            (punctuation, _) if punctuation.is_ascii_punctuation() => self.literal(punctuation),
            _ => self.out.extend(['\\', character]),
        }
    }

    fn set(&mut self, not: &str, characters: &str, place: Place) {
        match (place, not) {
            (Place::Class, "") => self.out.push_str(characters),
            _ => self.out.extend(["[", not, characters, "]"]),
        }
    }

    fn quoted(&mut self) {
        while let Some(character) = self.rest.next() {
            if character == '\\' && self.rest.peek() == Some(&'E') {
                self.rest.next();
                return;
            }
            self.literal(character);
        }
    }

    /// Up to three digits; one alone, but for zero, refers back, which neither does.
    fn octal(&mut self, first: char) {
        let mut digits = String::from(first);
        while let Some(digit) = self.rest.next_if(|c| digits.len() < 3 && ('0'..='7').contains(c)) {
            digits.push(digit);
        }
        match u32::from_str_radix(&digits, 8) {
            Ok(code) if digits.len() > 1 || first == '0' => self.out.push_str(&format!("\\x{{{code:x}}}")),
            _ => self.out.extend(['\\', first]),
        }
    }

    fn literal(&mut self, character: char) {
        let mut bytes = [0; 4];
        self.out.push_str(&regex::escape(character.encode_utf8(&mut bytes)));
    }

    /// What stands in braces behind `\p` and `\x`, if anything does.
    fn braces(&mut self) {
        if self.rest.peek() == Some(&'{') {
            for character in self.rest.by_ref() {
                self.out.push(character);
                if character == '}' {
                    return;
                }
            }
        }
    }

    /// A class behind its `[`: sets, characters and ranges of them. A `-` that is not between two characters is one itself.
    fn class(&mut self) {
        self.out.push('[');
        self.out.extend(self.rest.next_if_eq(&'^'));
        let mut is_first = true;
        while let Some(character) = self.rest.next() {
            match character {
                ']' if !is_first => return self.out.push(']'),
                '[' if self.named() => {}
                '\\' if matches!(self.rest.peek(), Some('d' | 'D' | 's' | 'S' | 'w' | 'W' | 'p' | 'P')) => {
                    self.escape(Place::Class);
                }
                _ => {
                    self.class_character(character);
                    let mut ahead = self.rest.clone();
                    if ahead.next() == Some('-') && ahead.next().is_some_and(|end| end != ']') {
                        self.out.extend(self.rest.next());
                        if let Some(end) = self.rest.next() {
                            self.class_character(end);
                        }
                    }
                }
            }
            is_first = false;
        }
    }

    fn class_character(&mut self, character: char) {
        if character == '\\' { self.escape(Place::Class) } else { self.literal(character) }
    }

    /// `[:alpha:]`, behind its `[`: taken over as it is.
    fn named(&mut self) -> bool {
        if self.rest.peek() != Some(&':') {
            return false;
        }
        let ahead: String =
            self.rest.clone().skip(1).take_while(|c| c.is_ascii_alphabetic() || *c == '^').collect();
        let behind: String = self.rest.clone().skip(1 + ahead.len()).take(2).collect();
        if behind != ":]" {
            return false;
        }
        self.out.extend(["[:", &ahead, ":]"]);
        self.rest.nth(ahead.len() + 2);
        true
    }
}
