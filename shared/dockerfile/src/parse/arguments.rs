//! What follows keyword and flags, in the form its instruction gives it. Not what the words mean.

use std::ops::Range;

use super::{Depth, LineParse, list::List};
use crate::{
    blank,
    dispute::DisputeKind,
    error::ParseErrorKind,
    instruction::{Arguments, Keyword, Pair, Word},
};

impl LineParse<'_> {
    /// The arguments in `range`, which has no white space at its ends.
    pub(super) fn arguments(&mut self, keyword: Keyword, range: Range<usize>, depth: Depth) -> Arguments {
        if range.is_empty() {
            return Arguments::None;
        }
        match keyword {
            Keyword::From | Keyword::Expose => Arguments::Words(self.words(&range)),
            Keyword::Add | Keyword::Copy | Keyword::Volume => {
                self.list(keyword, &range).unwrap_or_else(|| Arguments::Words(self.words(&range)))
            }
            Keyword::Run | Keyword::Cmd | Keyword::Entrypoint => self.command(keyword, &range),
            Keyword::Shell => self.list(keyword, &range).unwrap_or_else(|| {
                self.error(&range, ParseErrorKind::ShellNotJson);
                Arguments::Text(self.word(&range))
            }),
            Keyword::Arg => self.definitions(&range),
            Keyword::Env | Keyword::Label => self.pairs(keyword, &range),
            Keyword::Healthcheck => self.healthcheck(&range),
            Keyword::Onbuild => self.trigger(range, depth),
            Keyword::Maintainer
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Workdir
            | Keyword::Unknown => Arguments::Text(self.word(&range)),
        }
    }

    fn word(&self, range: &Range<usize>) -> Word {
        Word { text: self.logical.slice(range).to_owned(), span: self.logical.span(range) }
    }

    /// Words between blanks; quotes mean nothing here.
    fn words(&self, range: &Range<usize>) -> Vec<Word> {
        let mut words = Vec::new();
        let mut rest = self.logical.slice(range);
        loop {
            rest = rest.get(blank::leading(rest)..).unwrap_or_default();
            if rest.is_empty() {
                return words;
            }
            let start = range.end - rest.len();
            let length = blank::word(rest);
            words.push(self.word(&(start..start + length)));
            rest = rest.get(length..).unwrap_or_default();
        }
    }

    fn command(&mut self, keyword: Keyword, range: &Range<usize>) -> Arguments {
        self.list(keyword, range).unwrap_or_else(|| Arguments::Text(self.word(range)))
    }

    /// A JSON list of strings; none if the text is no JSON list at all.
    fn list(&mut self, keyword: Keyword, range: &Range<usize>) -> Option<Arguments> {
        let text = blank::trim_start(self.logical.slice(range));
        let list = List::read(text)?;
        if list.length < text.len() {
            self.dispute(range, DisputeKind::ListTail);
            return None;
        }
        let strings = list.strings.unwrap_or_else(|| {
            self.error(range, ParseErrorKind::NotStrings(keyword));
            Vec::new()
        });
        Some(Arguments::List(strings, self.logical.span(range)))
    }

    /// Words in which quotes and escapes hold blanks; they stay in the word.
    fn quoted_words(&self, range: &Range<usize>) -> Vec<Range<usize>> {
        let mut words = Vec::new();
        let mut rest = blank::trim_start(self.logical.slice(range));
        while !rest.is_empty() {
            let start = range.end - rest.len();
            let (length, behind) = self.quoted_word(rest);
            if length > 0 {
                words.push(start..start + length);
            }
            rest = blank::trim_start(behind);
        }
        words
    }

    /// How long the word is that `text` begins with, and what stands behind it.
    fn quoted_word<'t>(&self, text: &'t str) -> (usize, &'t str) {
        let escape = self.escape.as_char();
        let mut quote = None;
        let mut at = 0;
        loop {
            // Most of a word is nothing but itself.
            let rest = text.get(at..).unwrap_or_default();
            at += rest.bytes().take_while(|byte| is_plain(*byte)).count();
            let mut characters = text.get(at..).unwrap_or_default().chars();
            let Some(c) = characters.next() else { return (text.len(), "") };
            match quote {
                None if c.is_whitespace() => return (at, text.get(at..).unwrap_or_default()),
                None if matches!(c, '\'' | '"') => quote = Some(c),
                Some(open) if open == c => quote = None,
                // An escape with nothing behind it is no part of the word.
                _ if c == escape && quote != Some('\'') && characters.next().is_none() => return (at, ""),
                _ => {}
            }
            at = text.len() - characters.as_str().len();
        }
    }

    /// ARG: `name` or `name=default`, any number of them.
    fn definitions(&mut self, range: &Range<usize>) -> Arguments {
        let mut pairs = Vec::new();
        for word in self.quoted_words(range) {
            match self.split_pair(&word) {
                Some(pair) => {
                    if pair.name.text.is_empty() {
                        self.error(&word, ParseErrorKind::BlankName(Keyword::Arg));
                    }
                    pairs.push(pair);
                }
                None => pairs.push(Pair { name: self.word(&word), value: None }),
            }
        }
        Arguments::Pairs(pairs)
    }

    /// ENV and LABEL: `name=value …`, or the old `name value` where the first word has no `=`.
    fn pairs(&mut self, keyword: Keyword, range: &Range<usize>) -> Arguments {
        let words = self.quoted_words(range);
        let Some(first) = words.first() else { return Arguments::None };
        if !self.logical.slice(first).contains('=') {
            return self.old_pair(keyword, range);
        }
        let mut pairs = Vec::new();
        for word in words {
            match self.split_pair(&word) {
                Some(pair) => {
                    if pair.name.text.is_empty() {
                        self.error(&word, ParseErrorKind::BlankName(keyword));
                    }
                    pairs.push(pair);
                }
                None => {
                    let text = self.logical.slice(&word).chars().take(80).collect();
                    self.error(&word, ParseErrorKind::NotAPair { keyword, word: text });
                }
            }
        }
        Arguments::Pairs(pairs)
    }

    fn old_pair(&mut self, keyword: Keyword, range: &Range<usize>) -> Arguments {
        let text = self.logical.slice(range);
        let name_length = blank::word(text);
        if name_length == text.len() {
            self.error(range, ParseErrorKind::LacksValue(keyword));
            return Arguments::Pairs(Vec::new());
        }
        let behind = text.get(name_length..).unwrap_or_default();
        let value_start = range.start + name_length + blank::leading(behind);
        let name = self.word(&(range.start..range.start + name_length));
        let value = Some(self.word(&(value_start..range.end)));
        Arguments::Pairs(vec![Pair { name, value }])
    }

    fn split_pair(&self, word: &Range<usize>) -> Option<Pair> {
        let equals = word.start + self.logical.slice(word).bytes().position(|byte| byte == b'=')?;
        let name = self.word(&(word.start..equals));
        let value = Some(self.word(&(equals + 1..word.end)));
        Some(Pair { name, value })
    }

    fn healthcheck(&mut self, range: &Range<usize>) -> Arguments {
        let text = self.logical.slice(range);
        // A no-break space is no end of the word: the official reader looks for single bytes, and breaks the character there.
        let length = blank::word(text);
        let kind_range = range.start..range.start + length;
        let behind = text.get(length..).unwrap_or_default();
        let rest = kind_range.end + blank::leading(behind)..range.end;
        let kind = self.word(&kind_range);
        let command =
            if rest.is_empty() { Arguments::None } else { self.command(Keyword::Healthcheck, &rest) };
        let is = |word: &str| kind.text.eq_ignore_ascii_case(word);
        match (&command, is("CMD"), is("NONE")) {
            (Arguments::None, _, true) => {}
            (Arguments::None, true, _) => {
                self.error(&kind_range, ParseErrorKind::MissingArgument(Keyword::Healthcheck));
            }
            (_, true, _) => {}
            _ => {
                let text = text.chars().take(40).collect();
                self.error(&kind_range, ParseErrorKind::UnknownHealthcheck(text));
            }
        }
        Arguments::Healthcheck(kind, Box::new(command))
    }

    fn trigger(&mut self, range: Range<usize>, depth: Depth) -> Arguments {
        if depth == Depth::Trigger {
            // Told by the outer one; a chain of thousands must not be followed.
            return Arguments::Text(self.word(&range));
        }
        let trigger = self.instruction(range.clone(), Depth::Trigger);
        if matches!(trigger.keyword, Keyword::Onbuild | Keyword::From | Keyword::Maintainer) {
            self.error(&range, ParseErrorKind::ForbiddenTrigger(trigger.keyword));
        }
        Arguments::Trigger(Box::new(trigger))
    }
}

/// Whether a byte is a character that neither ends a word nor means anything in one.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'\'' | b'"' | b'\\' | b'`')
}
