//! Lists, pipelines and compound commands. Not words (see `word`).
//!
//! A superset of the shells that read steps: POSIX sh, bash, ksh. What stands behind a complete list at the top is left alone, as
//! ShellCheck does; a construct that is not closed makes the whole text no script.

use std::borrow::Cow;

use super::command::Command;

/// The text is not a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// The deepest nesting that is followed: the stack must not depend on the file.
pub(super) const DEEPEST_NESTING: usize = 50;
/// How often each byte may be looked at: where two readings are tried, nesting them must not multiply.
const LOOKS_A_BYTE: usize = 32;

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) commands: Vec<Command<'a>>,
    pub(super) has_pipe: bool,
    pub(super) depth: usize,
    /// What is left of the looks.
    fuel: usize,
    /// The heredocs whose bodies begin on the next line.
    heredocs: Vec<Cow<'a, str>>,
    /// The last word was more, or less, than its text.
    pub(super) is_vague: bool,
}

impl<'a> Parser<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let fuel = text.len().saturating_mul(LOOKS_A_BYTE).saturating_add(1024);
        let (commands, heredocs) = (Vec::new(), Vec::new());
        Self { text, at: 0, commands, has_pipe: false, depth: 0, fuel, heredocs, is_vague: false }
    }

    pub(super) fn script(&mut self) -> Result<(), Broken> {
        self.list()?;
        if self.fuel == 0 { Err(Broken) } else { Ok(()) }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.ahead(0)
    }

    pub(super) fn ahead(&self, distance: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + distance).copied()
    }

    pub(super) fn starts_with(&self, text: &str) -> bool {
        self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(text.as_bytes()))
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.fuel = self.fuel.saturating_sub(bytes);
        self.at = if self.fuel == 0 { self.text.len() } else { self.at + bytes };
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Broken> {
        if self.peek() == Some(byte) {
            self.advance(1);
            Ok(())
        } else {
            Err(Broken)
        }
    }

    /// Goes on behind blanks, continued lines included.
    pub(super) fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(b' ' | b'\t' | b'\r') => self.advance(1),
                Some(b'\\') if self.ahead(1) == Some(b'\n') => self.advance(2),
                // A no-break space; ShellCheck grumbles and goes on.
                Some(0xC2) if self.ahead(1) == Some(0xA0) => self.advance(2),
                _ => return,
            }
        }
    }

    /// Goes on behind blanks, comments and ends of lines.
    fn lines(&mut self) {
        loop {
            self.blanks();
            match self.peek() {
                Some(b'\n') => self.newline(),
                Some(b'#') => self.comment(),
                _ => return,
            }
        }
    }

    fn comment(&mut self) {
        while !matches!(self.peek(), None | Some(b'\n')) {
            self.advance(1);
        }
    }

    /// The end of a line, and the bodies of the heredocs that it announced.
    fn newline(&mut self) {
        self.advance(1);
        for name in std::mem::take(&mut self.heredocs) {
            loop {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let line = rest.split_inclusive('\n').next().unwrap_or_default();
                self.advance(line.len());
                if line.is_empty() || line.trim_end_matches('\n').trim_start_matches('\t') == name {
                    break;
                }
            }
        }
    }

    /// Whether a command can begin here.
    fn at_command(&self) -> bool {
        match self.peek() {
            None | Some(b')' | b';' | b'&' | b'|' | b'}' | b'\n') => false,
            _ => !["then", "elif", "else", "fi", "do", "done", "esac", "in"]
                .iter()
                .any(|word| self.at_keyword(word)),
        }
    }

    pub(super) fn at_keyword(&self, word: &str) -> bool {
        self.starts_with(word) && self.ahead(word.len()).is_none_or(ends_word)
    }

    fn keyword(&mut self, word: &str) -> Result<(), Broken> {
        self.lines();
        if self.at_keyword(word) {
            self.advance(word.len());
            Ok(())
        } else {
            Err(Broken)
        }
    }

    /// Commands up to something that ends them; false if there is none.
    pub(super) fn list(&mut self) -> Result<bool, Broken> {
        self.lines();
        let some = self.at_command();
        while self.at_command() {
            self.and_or()?;
            self.blanks();
            match (self.peek(), self.ahead(1)) {
                (Some(b'\n'), _) => {}
                (Some(b'#'), _) => self.comment(),
                (Some(b';'), next) if !matches!(next, Some(b';' | b'&')) => self.advance(1),
                (Some(b'&'), next) if next != Some(b'&') => {
                    self.advance(1);
                    self.blanks();
                    if self.peek() == Some(b';') && self.ahead(1) != Some(b';') {
                        self.advance(1);
                    }
                }
                _ => break,
            }
            self.lines();
        }
        Ok(some)
    }

    /// A list that must not be empty.
    fn some_list(&mut self) -> Result<(), Broken> {
        if self.list()? { Ok(()) } else { Err(Broken) }
    }

    fn and_or(&mut self) -> Result<(), Broken> {
        loop {
            self.pipeline()?;
            self.blanks();
            if !self.starts_with("&&") && !self.starts_with("||") {
                return Ok(());
            }
            self.advance(2);
            self.lines();
        }
    }

    fn pipeline(&mut self) -> Result<(), Broken> {
        loop {
            while self.peek() == Some(b'!') && self.ahead(1) != Some(b'(') {
                self.advance(1);
                self.blanks();
            }
            if self.at_keyword("time") {
                self.commands.extend(Command::of(vec![Cow::Borrowed("time")]));
                self.advance(4);
                self.blanks();
                for flag in ["-p", "--"] {
                    if self.at_keyword(flag) {
                        self.advance(2);
                        self.blanks();
                    }
                }
                if !self.at_command() {
                    return Ok(());
                }
            }
            if !self.at_command() {
                return Err(Broken);
            }
            self.command()?;
            self.blanks();
            if self.peek() != Some(b'|') || self.ahead(1) == Some(b'|') {
                return Ok(());
            }
            self.has_pipe = true;
            self.advance(if self.ahead(1) == Some(b'&') { 2 } else { 1 });
            self.lines();
        }
    }

    fn command(&mut self) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(Broken);
        }
        if self.compound()? {
            self.redirections()?;
        } else {
            self.simple()?;
        }
        self.depth -= 1;
        Ok(())
    }

    /// A compound command; false if none begins here.
    pub(super) fn compound(&mut self) -> Result<bool, Broken> {
        match self.peek() {
            Some(b'(') => self.parentheses()?,
            Some(b'{') => {
                self.advance(1);
                self.some_list()?;
                self.expect(b'}')?;
            }
            Some(b'[') => return self.test().map(|()| true),
            _ if self.at_keyword("if") => self.conditional()?,
            _ if self.at_keyword("while") || self.at_keyword("until") => {
                self.advance(5);
                self.some_list()?;
                self.body()?;
            }
            _ if self.at_keyword("for") => self.each(3)?,
            _ if self.at_keyword("select") => self.each(6)?,
            _ if self.at_keyword("case") => self.case()?,
            _ if self.at_keyword("function") => {
                self.advance(8);
                self.blanks();
                self.word()?;
                self.blanks();
                if self.starts_with("()") {
                    self.advance(2);
                }
                self.function_body()?;
            }
            _ if self.at_keyword("coproc") => {
                self.advance(6);
                self.blanks();
                // Its own name may stand before a compound command.
                let start = self.at;
                if !self.at_keyword("{") && !self.starts_with("(") && self.word().is_ok() {
                    self.blanks();
                    if !self.at_keyword("{") && !self.starts_with("(") {
                        self.at = start;
                    }
                }
                self.command()?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// `((arithmetic))`, or a subshell.
    fn parentheses(&mut self) -> Result<(), Broken> {
        if self.ahead(1) == Some(b'(') && self.arithmetic(2).is_ok() {
            return Ok(());
        }
        self.advance(1);
        self.some_list()?;
        self.expect(b')')
    }

    fn conditional(&mut self) -> Result<(), Broken> {
        self.advance(2);
        self.some_list()?;
        self.keyword("then")?;
        self.some_list()?;
        loop {
            if self.at_keyword("elif") {
                self.advance(4);
                self.some_list()?;
                self.keyword("then")?;
                self.some_list()?;
            } else if self.at_keyword("else") {
                self.advance(4);
                self.some_list()?;
            } else {
                return self.keyword("fi");
            }
        }
    }

    /// `do … done`.
    fn body(&mut self) -> Result<(), Broken> {
        self.keyword("do")?;
        self.some_list()?;
        self.keyword("done")
    }

    /// `for` and `select`.
    fn each(&mut self, keyword: usize) -> Result<(), Broken> {
        self.advance(keyword);
        self.blanks();
        if self.starts_with("((") {
            self.arithmetic(2)?;
        } else {
            if !self.peek().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_') {
                return Err(Broken);
            }
            self.word()?;
            self.lines();
            if self.at_keyword("in") {
                self.advance(2);
                self.blanks();
                while !self.at_keyword("do") && !self.peek().is_none_or(ends_word) {
                    self.word()?;
                    self.blanks();
                }
            }
        }
        self.blanks();
        if self.peek() == Some(b';') {
            self.advance(1);
        }
        self.lines();
        if self.peek() == Some(b'{') { self.compound().map(drop) } else { self.body() }
    }

    fn case(&mut self) -> Result<(), Broken> {
        self.advance(4);
        self.blanks();
        self.word()?;
        self.keyword("in")?;
        loop {
            self.lines();
            if self.at_keyword("esac") {
                return self.keyword("esac");
            }
            if self.peek() == Some(b'(') {
                self.advance(1);
            }
            loop {
                self.blanks();
                self.word()?;
                self.blanks();
                if self.peek() != Some(b'|') {
                    break;
                }
                self.advance(1);
            }
            self.expect(b')')?;
            self.list()?;
            if self.starts_with(";;") {
                self.advance(2);
            } else if self.starts_with(";&") {
                self.advance(1);
            } else {
                return self.keyword("esac");
            }
            if self.peek() == Some(b'&') {
                self.advance(1);
            }
        }
    }

    /// What a function does: a compound command.
    pub(super) fn function_body(&mut self) -> Result<(), Broken> {
        self.lines();
        if self.compound()? { self.redirections() } else { Err(Broken) }
    }

    pub(super) fn announce(&mut self, heredoc: Cow<'a, str>) {
        self.heredocs.push(heredoc);
    }
}

/// What ends a word that nothing quotes.
pub(super) fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')')
}
