//! Shell patterns of `${name#pattern}` and `${name%pattern}`: `?`, `*` and escapes. Not globs of files, no brackets.

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
}

/// How many bytes from the start the tokens match. All states at once: time is tokens times characters, never more.
fn taken(tokens: &[Token], characters: impl Iterator<Item = char>, reach: Reach) -> Option<usize> {
    let mut states = vec![false; tokens.len() + 1];
    if let Some(first) = states.first_mut() {
        *first = true;
    }
    skip_any(tokens, &mut states);
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
        let mut next = vec![false; states.len()];
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
        states = next;
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
}
