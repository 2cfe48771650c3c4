//! Simple commands: assignments, words and redirections; and tests, whose words are no commands.

use std::borrow::Cow;

use super::{
    command::Command,
    parser::{Broken, Parser, ends_word},
};

impl<'a> Parser<'a> {
    /// Assignments, a program and its words, redirections among them.
    pub(super) fn simple(&mut self) -> Result<(), Broken> {
        let mut words = Vec::new();
        let start = self.at;
        // Whether a parenthesis would make the word before it a function's name.
        let mut behind_name = false;
        loop {
            self.blanks();
            match self.peek() {
                None | Some(b'\n' | b';' | b'|' | b')' | b'#') => break,
                Some(b'&') if self.ahead(1) != Some(b'>') => break,
                Some(b'(') if behind_name && self.defines_function()? => return Ok(()),
                Some(b'(') => break,
                _ if self.redirection()? => behind_name = false,
                _ => {
                    let assignment = self.assignment_length();
                    if let Some(length) = assignment.filter(|length| self.ahead(*length) == Some(b'(')) {
                        self.array(length)?;
                        behind_name = false;
                        continue;
                    }
                    let word = self.word()?;
                    let is_assignment = assignment.is_some() && words.is_empty();
                    behind_name = !is_assignment && words.is_empty();
                    if behind_name && self.is_vague {
                        // A program whose name is not known.
                        words.push(Cow::Borrowed("$"));
                    } else if !is_assignment {
                        words.push(word);
                    }
                }
            }
        }
        if self.at == start {
            return Err(Broken);
        }
        if words.first().is_some_and(|word| word == "time") {
            // Behind assignments it is no keyword, and calls what follows all the same.
            words.remove(0);
            self.commands.extend(Command::of(vec![Cow::Borrowed("time")]));
        }
        self.commands.extend(Command::of(words));
        Ok(())
    }

    /// `name ( )` and a body, behind the name.
    fn defines_function(&mut self) -> Result<bool, Broken> {
        match self.ahead(1) {
            None | Some(b'(') => return Ok(false),
            _ => {}
        }
        self.advance(1);
        self.blanks();
        self.expect(b')')?;
        self.function_body()?;
        Ok(true)
    }

    /// How long `name=`, `name+=` or `name[…]=` is here.
    fn assignment_length(&self) -> Option<usize> {
        let rest = self.text.as_bytes().get(self.at..)?;
        let name = rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        if name == 0 || rest.first().is_some_and(u8::is_ascii_digit) {
            return None;
        }
        let mut length = name;
        if rest.get(length) == Some(&b'[') {
            length +=
                rest.get(length..)?.iter().take_while(|byte| !matches!(byte, b']' | b' ' | b'\n')).count()
                    + 1;
        }
        length += usize::from(rest.get(length) == Some(&b'+'));
        (rest.get(length) == Some(&b'=')).then_some(length + 1)
    }

    /// `name=(…)`, behind a `name=` of so many bytes.
    fn array(&mut self, length: usize) -> Result<(), Broken> {
        let start = self.at;
        self.advance(length + 1);
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.advance(1);
            }
            match self.peek() {
                Some(b')') => {
                    self.advance(1);
                    return Ok(());
                }
                None | Some(b';' | b'&' | b'|' | b'<' | b'>' | b'(') => {
                    self.at = start;
                    self.advance(length);
                    return Ok(());
                }
                Some(_) => drop(self.word()?),
            }
        }
    }

    pub(super) fn redirections(&mut self) -> Result<(), Broken> {
        self.blanks();
        while self.redirection()? {
            self.blanks();
        }
        Ok(())
    }

    /// One redirection with its word; false if none begins here.
    fn redirection(&mut self) -> Result<bool, Broken> {
        if !matches!(self.peek(), Some(b'<' | b'>' | b'&' | b'0'..=b'9')) {
            return Ok(false);
        }
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let is_both = rest.starts_with(b"&>");
        match (rest.get(digits), rest.get(digits + 1)) {
            (Some(b'<' | b'>'), next) if next != Some(&b'(') => {}
            _ if is_both => {}
            _ => return Ok(false),
        }
        self.advance(digits + usize::from(is_both));
        let operator = ["<<<", "<<-", "<<", "<>", "<&", ">>", ">&", ">|", "<", ">"]
            .into_iter()
            .find(|operator| self.starts_with(operator))
            .ok_or(Broken)?;
        self.advance(operator.len());
        self.blanks();
        if self.peek() == Some(b'-') && operator.ends_with('&') {
            self.advance(1);
            return Ok(true);
        }
        let word = self.word()?;
        if matches!(operator, "<<" | "<<-") {
            self.announce(word);
        }
        Ok(true)
    }

    /// `[ … ]` and `[[ … ]]`.
    pub(super) fn test(&mut self) -> Result<(), Broken> {
        let end = if self.starts_with("[[") { "]]" } else { "]" };
        self.advance(end.len());
        if !self.peek().is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n')) {
            return Err(Broken);
        }
        loop {
            while matches!(self.peek(), Some(b' ' | b'\t' | b'\r' | b'\n')) {
                self.advance(1);
            }
            if self.at_keyword(end) {
                self.advance(end.len());
                return self.redirections();
            }
            match self.peek() {
                None => return Err(Broken),
                Some(b';') if end == "]" => return Err(Broken),
                Some(byte) if ends_word(byte) => self.advance(1),
                Some(_) => drop(self.word()?),
            }
        }
    }
}
