//! The Dockerfile's own little shell: quotes, escapes, `$name` and `${name…}`. Not a shell of RUN steps.
//!
//! Grammar (BuildKit, `shell/lex.go`): `$name`, `${name}`, `${name:-word}`, `${name:+word}`, `${name:?word}`, the three without
//! colon, `${name#pattern}`, `##`, `%`, `%%`, `${name/pattern/word}`, `//`.

mod substitution;

use std::{iter::Peekable, mem, str::Chars};

use crate::{expand::Budget, instruction::HeredocBody};

/// The most bytes one expansion may grow to: eight times the longest reference, and a stop to definitions that double each other.
const LONGEST_EXPANSION: usize = 4 * 1024;
/// The deepest `${a:-${b:-…}}` that is followed; the stack must not depend on the file.
const DEEPEST_NESTING: usize = 32;

/// What a variable is at the place where it is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Value {
    Set(String),
    Unset,
    /// It has a value, which cannot be known here; why.
    Unknown(String),
}

/// Why a word cannot be expanded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ShellError {
    #[error("a quote {0} is not closed")]
    OpenQuote(char),
    #[error("a ${{ is not closed")]
    OpenBrace,
    #[error("a substitution is not well formed")]
    BadSubstitution,
    #[error("the substitution operator `{0}` is not supported")]
    Modifier(String),
    #[error("{name} {message}")]
    Required { name: String, message: String },
    #[error("{0}")]
    Unknown(String),
    #[error("a variable's name has a character outside ASCII")]
    NameCharacter,
    #[error("substitutions are nested deeper than {DEEPEST_NESTING}")]
    TooDeep,
    #[error("it expands to more than {LONGEST_EXPANSION} bytes")]
    TooLong,
    #[error("the variables of this file stand for more text than anybody reads")]
    TooMuch,
}

impl ShellError {
    /// Whether this reader gives up where another might go on: then nothing may be concluded from the failure.
    pub(crate) fn is_ours(&self) -> bool {
        matches!(self, Self::NameCharacter | Self::TooDeep | Self::TooLong | Self::TooMuch)
    }
}

/// Expands a word: quotes and escapes go, variables are replaced by what `lookup` says, as long as the budget lasts.
pub(crate) fn expand(
    word: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Value,
    budget: &Budget,
) -> Result<String, ShellError> {
    let mut lexer = Lexer::new(word, escape, Mode::Expand, lookup);
    lexer.budget = Some(budget);
    lexer.run(None, Escapes::Dropped, 0).map(|(text, _)| text)
}

/// Whose reading of a line that may announce heredocs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Builder {
    /// BuildKit since 0.21: the blanks behind `<<` belong to the word, so that `<< EOF` is one; and a word inside `${…}` drops what
    /// stood before it in the outer one.
    Newest,
    /// BuildKit 0.12: blanks end a word always, words inside `${…}` are their own, and there is no
    /// `${name#…}`, `%` or `/`.
    Older,
}

/// The words of a line as BuildKit looks for heredocs in it: quotes, escapes and variables stay as they are.
pub(crate) fn heredoc_words(line: &str, builder: Builder) -> Result<Vec<String>, ShellError> {
    // BuildKit always takes the backslash here, whatever the file's escape is.
    let mut lexer = Lexer::new(line, '\\', Mode::KeepQuotes, &|_| Value::Unset);
    lexer.builder = builder;
    lexer.run(None, Escapes::Kept, 0).map(|(_, words)| words)
}

/// The name behind `<<`, and whether the body is expanded; none if it is not exactly one word.
pub(crate) fn heredoc_name(
    text: &str,
    builder: Builder,
) -> Result<Option<(String, HeredocBody)>, ShellError> {
    let words_in = |mode| {
        let mut lexer = Lexer::new(text, '\\', mode, &|_| Value::Unset);
        lexer.builder = builder;
        lexer.run(None, Escapes::Dropped, 0).map(|(_, words)| words)
    };
    let (plain, quoted) = (words_in(Mode::DropQuotes)?, words_in(Mode::KeepQuotes)?);
    let ([name], [with_quotes]) = (plain.as_slice(), quoted.as_slice()) else { return Ok(None) };
    let quotes = |word: &str| word.matches(['\'', '"']).count();
    let body =
        if quotes(name) == quotes(with_quotes) { HeredocBody::Expanded } else { HeredocBody::Verbatim };
    Ok(Some((name.clone(), body)))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Variables get their values, unset ones become empty.
    Expand,
    /// Variables stay as written, quotes go.
    DropQuotes,
    /// Variables and quotes stay as written.
    KeepQuotes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escapes {
    Kept,
    Dropped,
}

struct Lexer<'a> {
    characters: Peekable<Chars<'a>>,
    escape: char,
    mode: Mode,
    lookup: &'a dyn Fn(&str) -> Value,
    /// None where nothing is replaced.
    budget: Option<&'a Budget>,
    builder: Builder,
    escapes: Escapes,
    /// The word being collected. One for all nesting levels, as in BuildKit: a nested word drops what stood before it.
    word: String,
}

impl<'a> Lexer<'a> {
    fn new(text: &'a str, escape: char, mode: Mode, lookup: &'a dyn Fn(&str) -> Value) -> Self {
        let escapes = Escapes::Dropped;
        // Go's scanner skips a byte order mark at the start of whatever it is given.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let (characters, builder) = (text.chars().peekable(), Builder::Newest);
        Self { characters, escape, mode, lookup, budget: None, builder, escapes, word: String::new() }
    }

    /// Reads up to `stop` (or the end), and returns the text and its words.
    fn run(
        &mut self,
        stop: Option<char>,
        escapes: Escapes,
        depth: usize,
    ) -> Result<(String, Vec<String>), ShellError> {
        if depth > DEEPEST_NESTING {
            return Err(ShellError::TooDeep);
        }
        let outer = mem::replace(&mut self.escapes, escapes);
        let outer_word = match self.builder {
            Builder::Newest => String::new(),
            Builder::Older => mem::take(&mut self.word),
        };
        let mut text = String::new();
        let mut words = Vec::new();
        while let Some(&next) = self.characters.peek() {
            if Some(next) == stop {
                self.characters.next();
                self.finish_word(&mut words);
                self.escapes = outer;
                self.word = outer_word;
                return Ok((text, words));
            }
            self.step(next, &mut text, &mut words, depth)?;
            if self.mode == Mode::Expand && text.len() > LONGEST_EXPANSION {
                return Err(ShellError::TooLong);
            }
        }
        self.finish_word(&mut words);
        self.escapes = outer;
        if stop.is_some() { Err(ShellError::OpenBrace) } else { Ok((text, words)) }
    }

    fn step(
        &mut self,
        next: char,
        text: &mut String,
        words: &mut Vec<String>,
        depth: usize,
    ) -> Result<(), ShellError> {
        match next {
            '$' => {
                let value = self.dollar(depth)?;
                text.push_str(&value);
                value.chars().for_each(|c| self.push(c, words));
            }
            '\'' | '"' => {
                let quoted = if next == '"' { self.double_quoted(depth)? } else { self.single_quoted()? };
                text.push_str(&quoted);
                self.word.push_str(&quoted);
            }
            '<' => {
                let operator = self.less_than();
                text.push_str(&operator);
                self.word.push_str(&operator);
            }
            _ => {
                self.characters.next();
                if next != self.escape {
                    text.push(next);
                    self.push(next, words);
                    return Ok(());
                }
                if self.escapes == Escapes::Kept {
                    text.push(next);
                    self.word.push(next);
                }
                if let Some(escaped) = self.characters.next() {
                    text.push(escaped);
                    self.word.push(escaped);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, c: char, words: &mut Vec<String>) {
        if c.is_whitespace() {
            self.finish_word(words);
        } else {
            self.word.push(c);
        }
    }

    fn finish_word(&mut self, words: &mut Vec<String>) {
        if !self.word.is_empty() {
            words.push(mem::take(&mut self.word));
        }
    }

    /// `<<`, with the blanks behind it if they belong to it.
    fn less_than(&mut self) -> String {
        self.characters.next();
        let mut operator = "<".to_owned();
        if self.characters.next_if_eq(&'<').is_some() {
            operator.push('<');
            let taken = |c: &char| self.builder == Builder::Newest && matches!(c, '\t' | '\r' | ' ');
            while let Some(blank) = self.characters.next_if(taken) {
                operator.push(blank);
            }
        }
        operator
    }

    fn quote(&mut self, quoted: &mut String) {
        if let Some(mark) = self.characters.next().filter(|_| self.mode == Mode::KeepQuotes) {
            quoted.push(mark);
        }
    }

    fn single_quoted(&mut self) -> Result<String, ShellError> {
        let mut quoted = String::new();
        self.quote(&mut quoted);
        loop {
            match self.characters.peek() {
                None => return Err(ShellError::OpenQuote('\'')),
                Some('\'') => {
                    self.quote(&mut quoted);
                    return Ok(quoted);
                }
                Some(_) => quoted.extend(self.characters.next()),
            }
        }
    }

    fn double_quoted(&mut self, depth: usize) -> Result<String, ShellError> {
        let mut quoted = String::new();
        self.quote(&mut quoted);
        while let Some(&next) = self.characters.peek() {
            match next {
                '"' => {
                    self.quote(&mut quoted);
                    return Ok(quoted);
                }
                '$' => quoted.push_str(&self.dollar(depth)?),
                _ if next == self.escape => {
                    self.characters.next();
                    if self.escapes == Escapes::Kept {
                        quoted.push(next);
                    }
                    match self.characters.peek() {
                        // An escape at the end is dropped.
                        None => {}
                        Some(&c) if c == '"' || c == '$' || c == self.escape => {
                            quoted.extend(self.characters.next());
                        }
                        // Before any other character it stands for itself.
                        Some(_) => quoted.push(next),
                    }
                }
                _ => quoted.extend(self.characters.next()),
            }
            if self.mode == Mode::Expand && quoted.len() > LONGEST_EXPANSION {
                return Err(ShellError::TooLong);
            }
        }
        Err(ShellError::OpenQuote('"'))
    }
}

#[cfg(test)]
mod tests;
