//! A JSON list at the start of a text, as Go's `encoding/json` reads it. Not JSON in general: only whether all of it is strings.
//!
//! Grammar: RFC 8259. Like the official reader, and unlike most, it takes half a surrogate pair for U+FFFD and follows ten
//! thousand levels. What is nested is walked, not kept: the stack does not depend on the text.

/// The deepest nesting that `encoding/json` follows.
const DEEPEST: usize = 10_000;

/// A complete list.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    /// Its elements; none if one of them is no string.
    pub(super) strings: Option<Vec<String>>,
    /// How many bytes it takes.
    pub(super) length: usize,
}

impl List {
    /// The list that `text` begins with; none if it begins with no complete one.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut scanner = Scanner { text, at: 0 };
        scanner.take(b'[')?;
        let mut strings = Some(Vec::new());
        scanner.blanks();
        if scanner.take(b']').is_some() {
            return Some(Self { strings, length: scanner.at });
        }
        loop {
            scanner.blanks();
            if scanner.peek() == Some(b'"') {
                let string = scanner.string()?;
                if let Some(strings) = &mut strings {
                    strings.push(string);
                }
            } else {
                scanner.value()?;
                strings = None;
            }
            scanner.blanks();
            if scanner.take(b',').is_none() {
                scanner.take(b']')?;
                return Some(Self { strings, length: scanner.at });
            }
        }
    }
}

/// Goes by bytes: whatever has a meaning in JSON is ASCII.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn take(&mut self, wanted: u8) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// Walks over one value with everything in it.
    fn value(&mut self) -> Option<()> {
        // The list itself is the first level.
        let mut open: Vec<u8> = Vec::new();
        loop {
            self.blanks();
            match self.peek()? {
                bracket @ (b'[' | b'{') => {
                    self.next();
                    let close = if bracket == b'[' { b']' } else { b'}' };
                    self.blanks();
                    if open.len() + 2 > DEEPEST {
                        return None;
                    }
                    if self.take(close).is_none() {
                        open.push(close);
                        self.key(&open)?;
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                _ => self.atom()?,
            }
            // Behind a value: the next one of the same bracket, or the end of brackets.
            loop {
                let Some(close) = open.last() else { return Some(()) };
                self.blanks();
                if self.take(*close).is_some() {
                    open.pop();
                    continue;
                }
                self.take(b',')?;
                self.key(&open)?;
                break;
            }
        }
    }

    /// In an object, the name before the value.
    fn key(&mut self, open: &[u8]) -> Option<()> {
        if open.last() == Some(&b'}') {
            self.blanks();
            drop(self.string()?);
            self.blanks();
            self.take(b':')?;
        }
        Some(())
    }

    /// A number or one of the three words.
    fn atom(&mut self) -> Option<()> {
        for word in ["true", "false", "null"] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                return Some(());
            }
        }
        let start = self.at;
        let _sign = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if self.take(b'e').or_else(|| self.take(b'E')).is_some() {
            let _sign = self.take(b'+').or_else(|| self.take(b'-'));
            self.digits()?;
        }
        // A number that no float holds is a mistake to `encoding/json`, and the list none.
        let number: f64 = self.text.get(start..self.at)?.parse().ok()?;
        number.is_finite().then_some(())
    }

    fn digits(&mut self) -> Option<()> {
        let count = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut string = self.plain()?.to_owned();
        loop {
            match self.next()? {
                b'"' => return Some(string),
                b'\\' => string.push(self.escaped()?),
                _ => return None,
            }
            string.push_str(self.plain()?);
        }
    }

    /// What means itself, up to what does not; none if nothing else follows.
    fn plain(&mut self) -> Option<&str> {
        let start = self.at;
        let length = self.rest().bytes().position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\'))?;
        self.at += length;
        self.text.get(start..self.at)
    }

    /// What stands behind a backslash.
    fn escaped(&mut self) -> Option<char> {
        Some(match self.next()? {
            plain @ (b'"' | b'\\' | b'/') => char::from(plain),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit()?;
                let behind = self.at;
                if let 0xd800..0xdc00 = first
                    && self.take(b'\\').and_then(|()| self.take(b'u')).is_some()
                    && let Some(second @ 0xdc00..0xe000) = self.unit()
                {
                    let code = 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00);
                    return char::from_u32(code);
                }
                // Half a pair: what follows it is read by itself.
                self.at = behind;
                char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.rest().get(..4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let unit = u32::from_str_radix(digits, 16).ok()?;
        self.at += 4;
        Some(unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(Option<&[&str]>, usize)>) {
        let expected = expected.map(|(strings, length)| List {
            strings: strings.map(|strings| strings.iter().map(|&string| string.to_owned()).collect()),
            length,
        });
        assert_eq!(List::read(text), expected, "{text:?}");
    }

    #[test]
    fn lists_are_read_as_encoding_json_reads_them() {
        check("[]", Some((Some(&[]), 2)));
        check("[ \"a\" ,\t\"b\\u00e9\\n\" ]", Some((Some(&["a", "b\u{e9}\n"]), 21)));
        check("[\"a\"] x", Some((Some(&["a"]), 5)));
        check("[\"\\ud83d\\ude00\"]", Some((Some(&["\u{1f600}"]), 16)));
        check("[\"\\ud83d\\u0041\"]", Some((Some(&["\u{fffd}A"]), 16)));
        check("[\"\\ude00x\"]", Some((Some(&["\u{fffd}x"]), 11)));
        check("[\"a\",1]", Some((None, 7)));
        check("[-0.5e+7,{\"a\":[{}, []]},true,null]", Some((None, 34)));
        for broken in [
            "",
            "a",
            "[",
            "[\"a\"",
            "[\"a\",]",
            "[,]",
            "[01]",
            "[1.]",
            "[-]",
            "[{\"a\"}]",
            "[\"\t\"]",
            "[\"\\x\"]",
            "['a']",
            "[1e999]",
        ] {
            check(broken, None);
        }
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        check(&nested(DEEPEST), Some((None, 2 * DEEPEST)));
        check(&nested(DEEPEST + 1), None);
    }
}
