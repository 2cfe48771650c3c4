//! The `--name=value` words between keyword and arguments. Not which flags an instruction takes.
//!
//! Follows BuildKit's `parser/split_command.go`: flags end at the first word that does not begin with `--`, or at `--` alone;
//! quotes group and vanish; the escape character makes the next character plain, in quotes of both kinds.

use std::ops::Range;

use super::LineParse;
use crate::{
    blank,
    directive::Escape,
    dispute::DisputeKind,
    error::ParseErrorKind,
    instruction::{Flag, Keyword, MountField},
};

/// One character of a flag once its quotes are gone. Small, since a flag may be as long as the file.
#[derive(Debug, Clone, Copy)]
struct Unquoted {
    /// Where it stands in the logical line; with its escape, if it has one.
    start: usize,
    character: char,
    /// How many bytes its escape takes.
    escape: u8,
    quote: Quote,
}

/// The quote that a character stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quote {
    None,
    Single,
    Double,
}

impl Unquoted {
    fn end(&self) -> usize {
        self.start + usize::from(self.escape) + self.character.len_utf8()
    }
}

impl LineParse<'_> {
    /// The flags at the start of `range`, and what is left behind them.
    pub(super) fn flags(&mut self, keyword: Keyword, range: Range<usize>) -> (Vec<Flag>, Range<usize>) {
        let mut flags = Vec::new();
        let mut position = range.start;
        loop {
            let start = position + blank::leading(self.logical.slice(&(position..range.end)));
            let rest = self.logical.slice(&(start..range.end));
            if !rest.starts_with("--") {
                return (flags, start..range.end);
            }
            let end = start + blank::word(rest);
            if let Some(flag) = self.plain_flag(&(start..end)) {
                position = end;
                flags.push(flag);
                continue;
            }
            let (characters, length) = unquote(rest, start, self.escape.as_char());
            let word = start..start + length;
            position = word.end;
            if characters.iter().map(|c| c.character).eq("--".chars()) {
                if self.escape == Escape::Backtick && self.logical.slice(&word).contains(['\\', '`']) {
                    self.dispute(&word, DisputeKind::FlagEscape);
                }
                return (flags, position..range.end);
            }
            if !characters.iter().all(|c| c.character.is_ascii()) {
                // The official reader goes by bytes here and takes some bytes inside a character for blanks.
                self.error(&word, ParseErrorKind::FlagCharacter(keyword));
            }
            flags.push(self.flag(keyword, &word, &characters));
        }
    }

    /// The flag that a word is without quotes, escapes and fields, as most are: it says what is written.
    fn plain_flag(&self, word: &Range<usize>) -> Option<Flag> {
        let text = self.logical.slice(word).strip_prefix("--").filter(|text| !text.is_empty())?;
        let escape = self.escape.as_char();
        let is_plain =
            |byte: u8| byte.is_ascii() && !matches!(byte, b'\'' | b'"') && char::from(byte) != escape;
        let equals = text.bytes().position(|byte| byte == b'=');
        let name = text.get(..equals.unwrap_or(text.len()))?;
        let value = equals.and_then(|at| text.get(at + 1..));
        if name == "mount" || !text.bytes().all(is_plain) {
            return None;
        }
        let value_span =
            value.filter(|value| !value.is_empty()).map(|value| word.end - value.len()..word.end);
        Some(Flag {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            span: self.logical.span(word),
            value_span: value_span.map(|range| self.logical.span(&range)),
            fields: Vec::new(),
        })
    }

    fn flag(&self, keyword: Keyword, word: &Range<usize>, characters: &[Unquoted]) -> Flag {
        let name_and_value = characters.get(2..).unwrap_or_default();
        let (name, value) = split(name_and_value, '=');
        let name = text_of(name);
        let fields = match (keyword, name.as_str(), value) {
            (Keyword::Run, "mount", Some(value)) => self.fields(value),
            _ => Vec::new(),
        };
        Flag {
            name,
            span: self.logical.span(word),
            value_span: value.and_then(|value| self.plain_span(value)),
            value: value.map(text_of),
            fields,
        }
    }

    /// The comma-separated fields of a mount (RFC 4180: a field in double quotes may hold commas).
    fn fields(&self, value: &[Unquoted]) -> Vec<MountField> {
        let mut fields = Vec::new();
        let mut rest = Some(value);
        while let Some(value) = rest {
            let quoted = value.first().is_some_and(|first| first.character == '"');
            let mut inside = false;
            let comma = value.iter().position(|c| {
                inside ^= quoted && c.character == '"';
                !inside && c.character == ','
            });
            let (field, behind) = match comma {
                Some(comma) => (value.get(..comma), value.get(comma + 1..)),
                None => (Some(value), None),
            };
            fields.push(self.field(field.unwrap_or_default()));
            rest = behind;
        }
        fields
    }

    fn field(&self, field: &[Unquoted]) -> MountField {
        let bare = match field {
            [first, inner @ .., last] if first.character == '"' && last.character == '"' => inner,
            other => other,
        };
        let (key, value) = split(bare, '=');
        // A quote that is left inside a field changes its meaning: such a value is shown, and not offered for rewriting.
        let plain = !bare.iter().any(|c| c.character == '"');
        MountField {
            key: text_of(key).to_ascii_lowercase(),
            value: value.map(text_of),
            value_span: value.filter(|_| plain).and_then(|value| self.plain_span(value)),
        }
    }

    /// The bytes of a value, if it begins and ends in the same kind of quote, so that plain text may take its place.
    fn plain_span(&self, value: &[Unquoted]) -> Option<Range<usize>> {
        let (first, last) = (value.first()?, value.last()?);
        (first.quote == last.quote).then(|| self.logical.span(&(first.start..last.end())))
    }
}

/// The characters of the first word of `text`, which starts at `offset`, and the word's length in bytes.
fn unquote(text: &str, offset: usize, escape: char) -> (Vec<Unquoted>, usize) {
    let mut characters = Vec::new();
    let mut quote = None;
    let mut rest = text.char_indices();
    while let Some((at, c)) = rest.next() {
        let start = offset + at;
        if quote.is_none() && u8::try_from(c).is_ok_and(blank::is_blank) {
            return (characters, at);
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        } else {
            // An escape at the very end is dropped.
            let taken = if c == escape { rest.next().map(|(_, next)| (next, 1)) } else { Some((c, 0)) };
            if let Some((character, escape)) = taken {
                let quote = match quote {
                    None => Quote::None,
                    Some('"') => Quote::Double,
                    Some(_) => Quote::Single,
                };
                characters.push(Unquoted { start, character, escape, quote });
            }
        }
    }
    (characters, text.len())
}

fn split(characters: &[Unquoted], at: char) -> (&[Unquoted], Option<&[Unquoted]>) {
    match characters.iter().position(|c| c.character == at) {
        Some(position) => (characters.get(..position).unwrap_or_default(), characters.get(position + 1..)),
        None => (characters, None),
    }
}

fn text_of(characters: &[Unquoted]) -> String {
    characters.iter().map(|c| c.character).collect()
}
