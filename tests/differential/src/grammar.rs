//! A grammar as a text file, and files made from it. Not the grammar that any parser reads by: what people write, and near it.
//!
//! ```text
//! %run                     a symbol; its alternatives follow, one a line
//! 3 RUN <ws><shell>\n      a weight (1 if left out) and the text; <name> is a symbol, <name?> stands there half of the time,
//!                          <name*> from none to three times, <<, \n, \t, \r, \f, \v, \s (a blank), \\, \u{feff} are themselves
//! # comment                at the very start of a line
//! ```
//!
//! `<escape>` is the escape character of the file: an alternative that holds `<escape=BACKTICK>` changes it for all that follows.

use std::collections::HashMap;

use crate::Random;

/// Deeper than any sound grammar goes; behind it, the first alternative is taken, which should be the plain one.
const DEEPEST: usize = 24;

/// A grammar, ready to make files.
#[derive(Debug, Clone, Default)]
pub struct Grammar {
    symbols: HashMap<String, Vec<(usize, Vec<Token>)>>,
}

/// A line of a grammar file that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the grammar: {reason}")]
pub struct GrammarError {
    /// Its line, from 1; 0 where a symbol is used that no line defines.
    pub line: usize,
    /// What is wrong.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Text(String),
    Symbol(String, Times),
    Escape,
    SetEscape(char),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    Perhaps,
    Several,
}

/// One file in the making.
struct Made {
    text: String,
    escape: char,
}

impl Grammar {
    /// The grammar of several texts together; a symbol that stands in two of them has the alternatives of both.
    pub fn parse(texts: &[&str]) -> Result<Self, GrammarError> {
        let mut grammar = Self::default();
        for text in texts {
            grammar.read(text)?;
        }
        let mut used = grammar.symbols.values().flatten().flat_map(|(_, tokens)| tokens);
        let undefined = used.find_map(|token| match token {
            Token::Symbol(name, _) if !grammar.symbols.contains_key(name) => Some(name.clone()),
            _ => None,
        });
        match undefined {
            Some(name) => Err(GrammarError { line: 0, reason: format!("<{name}> is used and not defined") }),
            None => Ok(grammar),
        }
    }

    fn read(&mut self, text: &str) -> Result<(), GrammarError> {
        let mut symbol = None;
        for (index, line) in text.lines().enumerate() {
            let wrong = |reason: &str| GrammarError { line: index + 1, reason: reason.to_owned() };
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(name) = line.strip_prefix('%') {
                symbol = Some(name.trim().to_owned());
                self.symbols.entry(name.trim().to_owned()).or_default();
                continue;
            }
            let name = symbol.as_ref().ok_or_else(|| wrong("an alternative before the first %symbol"))?;
            let (weight, rest) = match line.split_once(' ') {
                Some((weight, rest)) if weight.bytes().all(|b| b.is_ascii_digit()) => {
                    (weight.parse().map_err(|_| wrong("a weight that is no number"))?, rest)
                }
                _ if line.bytes().all(|b| b.is_ascii_digit()) => {
                    (line.parse().map_err(|_| wrong("a weight that is no number"))?, "")
                }
                _ => (1, line),
            };
            let tokens = tokens(rest).map_err(|reason| wrong(&reason))?;
            self.symbols.entry(name.clone()).or_default().push((weight, tokens));
        }
        Ok(())
    }

    /// A file made from `start`.
    pub fn make(&self, start: &str, random: &mut Random) -> String {
        let mut made = Made { text: String::new(), escape: '\\' };
        self.grow(start, random, &mut made, 0);
        made.text
    }

    /// The symbols, in no order.
    pub fn symbols(&self) -> impl Iterator<Item = &str> {
        self.symbols.keys().map(String::as_str)
    }

    fn grow(&self, symbol: &str, random: &mut Random, made: &mut Made, depth: usize) {
        let Some(alternatives) = self.symbols.get(symbol) else { return };
        let all: usize = alternatives.iter().map(|(weight, _)| weight).sum();
        let mut left = if depth > DEEPEST { 0 } else { random.below(all) };
        let chosen = alternatives.iter().find(|(weight, _)| match left.checked_sub(*weight) {
            Some(rest) => {
                left = rest;
                false
            }
            None => true,
        });
        for token in chosen.map(|(_, tokens)| tokens.as_slice()).unwrap_or_default() {
            match token {
                Token::Text(text) => made.text.push_str(text),
                Token::Escape => made.text.push(made.escape),
                Token::SetEscape(escape) => made.escape = *escape,
                Token::Symbol(name, times) => {
                    let times = match times {
                        Times::Once => 1,
                        Times::Perhaps => random.below(2),
                        Times::Several => random.below(4),
                    };
                    for _ in 0..times {
                        self.grow(name, random, made, depth + 1);
                    }
                }
            }
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        if let Some(behind) = rest.strip_prefix("<<") {
            plain.push_str("<<");
            rest = behind;
        } else if c == '<' {
            let (name, behind) = behind.split_once('>').ok_or("a < without >; a plain one is \\u{3c}")?;
            if !plain.is_empty() {
                tokens.push(Token::Text(std::mem::take(&mut plain)));
            }
            tokens.push(symbol(name)?);
            rest = behind;
        } else if c == '\\' {
            rest = escaped(behind, &mut plain)?;
        } else {
            plain.push(c);
            rest = behind;
        }
    }
    if !plain.is_empty() {
        tokens.push(Token::Text(plain));
    }
    Ok(tokens)
}

fn symbol(name: &str) -> Result<Token, String> {
    Ok(match name {
        "escape" => Token::Escape,
        "escape=BACKTICK" => Token::SetEscape('`'),
        "escape=BACKSLASH" => Token::SetEscape('\\'),
        other => {
            let (name, times) = match (other.strip_suffix('?'), other.strip_suffix('*')) {
                (Some(name), _) => (name, Times::Perhaps),
                (_, Some(name)) => (name, Times::Several),
                _ => (other, Times::Once),
            };
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
                return Err(format!("<{other}> is no symbol"));
            }
            Token::Symbol(name.to_owned(), times)
        }
    })
}

/// Reads what stands behind a backslash, and returns what is left.
fn escaped<'a>(behind: &'a str, plain: &mut String) -> Result<&'a str, String> {
    if let Some(code) = behind.strip_prefix("u{") {
        let (code, rest) = code.split_once('}').ok_or("a \\u{ without }")?;
        let number = u32::from_str_radix(code, 16).map_err(|error| format!("\\u{{{code}}}: {error}"))?;
        plain.push(char::from_u32(number).ok_or(format!("\\u{{{code}}} is no character"))?);
        return Ok(rest);
    }
    let mut characters = behind.chars();
    plain.push(match characters.next() {
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some('f') => '\x0c',
        Some('v') => '\x0b',
        Some('s') => ' ',
        Some('\\') => '\\',
        other => return Err(format!("a backslash before {other:?}")),
    });
    Ok(characters.as_str())
}

#[cfg(test)]
mod tests;
