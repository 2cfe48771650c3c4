//! Shell patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/word}`: `?`, `*` and escapes. Not globs of files, no
//! brackets.

use std::mem;

/// A parsed pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Literal(char),
    One,
    Any,
}

/// How much a pattern takes where it may take more or less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Shortest,
    Longest,
}

impl Pattern {
    /// The pattern of `text`; none if it escapes what needs no escape.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            tokens.push(match c {
                '*' => Token::Any,
                '?' => Token::One,
                '\\' => match characters.next() {
                    Some(escaped @ ('*' | '?' | '\\' | '}' | '/')) => Token::Literal(escaped),
                    _ => return None,
                },
                literal => Token::Literal(literal),
            });
        }
        Some(Self(tokens))
    }

    /// `value` without the part at its start that matches; all of it where none does.
    pub(crate) fn without_prefix<'a>(&self, value: &'a str, reach: Reach) -> &'a str {
        let taken = taken(&self.0, value.chars(), reach).unwrap_or_default();
        value.get(taken..).unwrap_or(value)
    }

    /// `value` without the part at its end that matches; all of it where none does.
    pub(crate) fn without_suffix<'a>(&self, value: &'a str, reach: Reach) -> &'a str {
        let reversed: Vec<Token> = self.0.iter().rev().copied().collect();
        let taken = taken(&reversed, value.chars().rev(), reach).unwrap_or_default();
        value.get(..value.len() - taken).unwrap_or(value)
    }

    /// `value` with `word` in the place of the first and then longest match.
    pub(crate) fn replace_first(&self, value: &str, word: &str) -> String {
        let Some((start, end)) = self.first(value, 0) else { return value.to_owned() };
        let (before, behind) = (value.get(..start), value.get(end..));
        [before.unwrap_or_default(), word, behind.unwrap_or_default()].concat()
    }

    /// `value` with `word` in the place of every match, each behind the one before; stops where it grows beyond `limit` bytes.
    ///
    /// As in Go's `regexp`, a pattern that matches nothing at all matches before every character, but not right behind a match.
    pub(crate) fn replace_all(&self, value: &str, word: &str, limit: usize) -> String {
        let mut replaced = String::new();
        let (mut from, mut copied, mut last) = (0, 0, None);
        while let Some((start, end)) = self.first(value, from) {
            if end > start || last != Some(start) {
                replaced.push_str(value.get(copied..start).unwrap_or_default());
                replaced.push_str(word);
                (copied, last) = (end, Some(end));
            }
            from = end;
            if end == start {
                let Some(next) = value.get(end..).and_then(|rest| rest.chars().next()) else { break };
                from += next.len_utf8();
            }
            if replaced.len() > limit {
                break;
            }
        }
        replaced.push_str(value.get(copied..).unwrap_or_default());
        replaced
    }

    /// The bytes of the first match that begins at `from` or behind it, and is the longest of those that begin there.
    ///
    /// Between stars, each piece is taken where it comes first, and the last one where it comes last: whatever begins later has less room.
    fn first(&self, value: &str, from: usize) -> Option<(usize, usize)> {
        let mut pieces = self.0.split(|token| *token == Token::Any);
        let (start, mut end) = places(pieces.next()?, value, from).next()?;
        let mut pieces = pieces.peekable();
        while let Some(piece) = pieces.next() {
            let mut found = places(piece, value, end);
            let found = if pieces.peek().is_some() { found.next() } else { found.last() };
            end = found?.1;
        }
        Some((start, end))
    }
}

/// Where a piece without stars stands in `value` from the byte `from` on, in order.
fn places(piece: &[Token], value: &str, from: usize) -> impl Iterator<Item = (usize, usize)> {
    let rest = value.get(from..).unwrap_or_default();
    let starts = rest.char_indices().map(move |(at, _)| from + at).chain([value.len()]);
    starts.filter_map(move |start| {
        let mut characters = value.get(start..)?.chars();
        let mut end = start;
        for token in piece {
            let c = characters.next()?;
            if matches!(token, Token::Literal(literal) if *literal != c) {
                return None;
            }
            end += c.len_utf8();
        }
        Some((start, end))
    })
}

/// How many bytes from the start the tokens match. All states at once: time is tokens times characters, never more.
fn taken(tokens: &[Token], characters: impl Iterator<Item = char>, reach: Reach) -> Option<usize> {
    let mut states = vec![false; tokens.len() + 1];
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    skip_any(tokens, &mut states);
    let mut next = states.clone();
    let mut bytes = 0;
    let mut found = None;
    let mut characters = characters;
    loop {
        if states.last() == Some(&true) {
            found = Some(bytes);
            if reach == Reach::Shortest {
                return found;
            }
        }
        let Some(c) = characters.next() else { return found };
        bytes += c.len_utf8();
        next.fill(false);
        for (index, token) in tokens.iter().enumerate() {
            if states.get(index) != Some(&true) {
                continue;
            }
            let (stays, moves) = match token {
                Token::Any => (true, false),
                Token::One => (false, true),
                Token::Literal(literal) => (false, *literal == c),
            };
            for (at, reached) in [(index, stays), (index + 1, moves)] {
                if let Some(state) = next.get_mut(at).filter(|_| reached) {
                    *state = true;
                }
            }
        }
        skip_any(tokens, &mut next);
        if !next.contains(&true) {
            return found;
        }
        mem::swap(&mut states, &mut next);
    }
}

/// A star may also match nothing.
fn skip_any(tokens: &[Token], states: &mut [bool]) {
    for (index, token) in tokens.iter().enumerate() {
        if *token == Token::Any
            && states.get(index) == Some(&true)
            && let Some(state) = states.get_mut(index + 1)
        {
            *state = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: &str, pattern: &str, prefixes: [&str; 2], suffixes: [&str; 2]) {
        let pattern = Pattern::parse(pattern).unwrap();
        let both = [Reach::Shortest, Reach::Longest];
        assert_eq!(both.map(|reach| pattern.without_prefix(value, reach)), prefixes, "prefix");
        assert_eq!(both.map(|reach| pattern.without_suffix(value, reach)), suffixes, "suffix");
    }

    #[test]
    fn patterns_take_the_shortest_or_the_longest() {
        check("foo-bar-baz", "foo", ["-bar-baz"; 2], ["foo-bar-baz"; 2]);
        check("foo-bar-baz", "*-", ["bar-baz", "baz"], ["foo-bar-baz"; 2]);
        check("foo-bar-baz", "-*", ["foo-bar-baz"; 2], ["foo-bar", "foo"]);
        check("foo", "?", ["oo"; 2], ["fo"; 2]);
        check("a*b", "a\\*", ["b"; 2], ["a*b"; 2]);
        check("größe", "g?ö", ["ße"; 2], ["größe"; 2]);
        check("", "*", [""; 2], [""; 2]);
        assert_eq!(Pattern::parse("a\\b"), None);
    }

    #[track_caller]
    fn check_replaced(value: &str, pattern: &str, first: &str, all: &str) {
        let pattern = Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.replace_first(value, "X"), first, "first");
        assert_eq!(pattern.replace_all(value, "X", 100), all, "all");
    }

    #[test]
    fn matches_are_replaced_from_the_left_and_the_longest() {
        check_replaced("a.b.c", ".", "aXb.c", "aXbXc");
        check_replaced("a.b.c", "?", "X.b.c", "XXXXX");
        check_replaced("abcabd", "a*b", "Xd", "Xd");
        check_replaced("abcabd", "b?", "aXabd", "aXaX");
        check_replaced("abc", "*", "X", "X");
        check_replaced("", "*", "X", "X");
        check_replaced("abc", "", "Xabc", "XaXbXcX");
        check_replaced("abc", "d", "abc", "abc");
        check_replaced("größe", "ö*e", "grX", "grX");
        check_replaced("a*b", "\\*", "aXb", "aXb");
        check_replaced("xaybzb", "a*b?", "xaybzb".replace("aybz", "X").as_str(), "xXb");
    }

    /// Every text of three letters against every pattern of three tokens, with the matches tried one by one.
    #[test]
    fn the_first_match_is_the_longest_of_the_earliest() {
        let words = |letters: &[char], length: u32| {
            let letters = letters.to_vec();
            (0..letters.len().pow(length)).map(move |number| {
                (0..length)
                    .map(|digit| letters[number / letters.len().pow(digit) % letters.len()])
                    .collect::<String>()
            })
        };
        for pattern in (0..=3).flat_map(|length| words(&['a', 'b', '?', '*'], length)) {
            let pattern = Pattern::parse(&pattern).unwrap();
            for value in (0..=4).flat_map(|length| words(&['a', 'b', 'c'], length)) {
                let tried = (0..=value.len()).find_map(|start| {
                    let length = taken(&pattern.0, value[start..].chars(), Reach::Longest)?;
                    Some((start, start + length))
                });
                assert_eq!(pattern.first(&value, 0), tried, "{pattern:?} in {value}");
            }
        }
    }
}
