//! Words: quotes, escapes and what is expanded. Expansions are not carried out: they stay as written, `$name` as `${name}`; braces that
//! make several words of one, extended patterns and substituted processes are left out, since the word is none of what they say.

use std::borrow::Cow;

use super::{
    Script,
    command::Command,
    parser::{Broken, DEEPEST_NESTING, Parser, ends_word},
};

/// A word as it is read: a piece of the text as long as that is what it says.
struct Draft<'a> {
    text: &'a str,
    start: usize,
    own: Option<String>,
}

impl<'a> Draft<'a> {
    /// From here on the word is not what is written, which counts up to `at`.
    fn own(&mut self, at: usize) -> &mut String {
        let (text, start) = (self.text, self.start);
        self.own.get_or_insert_with(|| text.get(start..at).unwrap_or_default().to_owned())
    }

    /// What is written from `from` to `to` is part of it.
    fn take(&mut self, from: usize, to: usize) {
        if let Some(own) = &mut self.own {
            own.push_str(self.text.get(from..to).unwrap_or_default());
        }
    }

    fn finish(self, end: usize) -> Cow<'a, str> {
        match self.own {
            Some(own) => Cow::Owned(own),
            None => Cow::Borrowed(self.text.get(self.start..end).unwrap_or_default()),
        }
    }
}

impl<'a> Parser<'a> {
    /// One word, which must not be empty as written.
    pub(super) fn word(&mut self) -> Result<Cow<'a, str>, Broken> {
        let start = self.at;
        self.is_vague = false;
        let mut draft = Draft { text: self.text, start, own: None };
        while let Some(byte) = self.peek() {
            let at = self.at;
            match byte {
                b'<' | b'>' if self.ahead(1) == Some(b'(') => {
                    draft.own(at);
                    self.advance(2);
                    self.substitution()?;
                    self.is_vague = true;
                }
                b'(' if at > start && self.pattern_before() => {
                    draft.own(at).pop();
                    self.advance(1);
                    self.balanced()?;
                    self.is_vague = true;
                }
                _ if ends_word(byte) => break,
                0xC2 if self.ahead(1) == Some(0xA0) => break,
                b'\'' => {
                    draft.own(at);
                    self.advance(1);
                    let length = self.rest().find('\'').ok_or(Broken)?;
                    draft.take(at + 1, at + 1 + length);
                    self.advance(length + 1);
                }
                b'"' => {
                    draft.own(at);
                    self.advance(1);
                    self.quoted(&mut draft)?;
                }
                b'\\' => {
                    draft.own(at);
                    self.advance(1);
                    let escaped = self.rest().chars().next();
                    let length = escaped.map_or(0, char::len_utf8);
                    if escaped != Some('\n') {
                        draft.take(at + 1, at + 1 + length);
                    }
                    self.advance(length);
                }
                b'$' => self.dollar(&mut draft, Quotes::None)?,
                b'`' => {
                    self.backticks()?;
                    draft.take(at, self.at);
                }
                b'{' => match self.alternatives() {
                    Some(length) => {
                        draft.own(at);
                        self.advance(length);
                        self.is_vague = true;
                    }
                    None => {
                        self.advance(1);
                        draft.take(at, at + 1);
                    }
                },
                _ => {
                    self.plain(|byte| {
                        ends_word(byte) || matches!(byte, b'\'' | b'"' | b'\\' | b'$' | b'`' | b'{' | 0xC2)
                    });
                    draft.take(at, self.at);
                }
            }
        }
        if self.at == start { Err(Broken) } else { Ok(draft.finish(self.at)) }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn quoted(&mut self, draft: &mut Draft<'a>) -> Result<(), Broken> {
        loop {
            let at = self.at;
            match self.peek().ok_or(Broken)? {
                b'"' => {
                    self.advance(1);
                    return Ok(());
                }
                b'\\' => {
                    // The backslash stays before what needs no escape.
                    let kept = !matches!(self.ahead(1), Some(b'"' | b'\\' | b'$' | b'`' | b'\n'));
                    self.advance(1);
                    if kept {
                        draft.take(at, at + 1);
                        continue;
                    }
                    self.advance(1);
                    if self.text.as_bytes().get(at + 1) != Some(&b'\n') {
                        draft.take(at + 1, at + 2);
                    }
                }
                b'$' => self.dollar(draft, Quotes::Double)?,
                b'`' => {
                    self.backticks()?;
                    draft.take(at, self.at);
                }
                _ => {
                    self.plain(|byte| matches!(byte, b'"' | b'\\' | b'$' | b'`'));
                    draft.take(at, self.at);
                }
            }
        }
    }

    /// Goes on behind one byte, and behind those that follow up to one that is special.
    fn plain(&mut self, is_special: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        self.advance(1 + rest.iter().take_while(|byte| !is_special(**byte)).count());
    }

    fn dollar(&mut self, draft: &mut Draft<'a>, quotes: Quotes) -> Result<(), Broken> {
        let at = self.at;
        match (self.ahead(1), self.ahead(2)) {
            (Some(b'('), Some(b'(')) if self.arithmetic(3).is_ok() => {}
            (Some(b'('), _) => {
                self.advance(2);
                self.substitution()?;
            }
            (Some(b'{'), _) => {
                self.advance(2);
                self.braces()?;
            }
            (Some(b'['), _) => {
                let length = self.rest().find(']').ok_or(Broken)?;
                self.advance(length + 1);
            }
            (Some(b'\''), _) if quotes == Quotes::None => {
                draft.own(at);
                self.advance(2);
                let from = self.at;
                while self.peek().ok_or(Broken)? != b'\'' {
                    self.advance(if self.peek() == Some(b'\\') { 2 } else { 1 });
                }
                draft.take(from, self.at);
                self.advance(1);
                return Ok(());
            }
            (Some(b'"'), _) if quotes == Quotes::None => {
                draft.own(at);
                self.advance(2);
                let mut unknown = Draft { text: self.text, start: self.at, own: None };
                self.quoted(&mut unknown)?;
                self.is_vague = true;
                return Ok(());
            }
            (Some(next), _) => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                let length = match next {
                    b'@' | b'*' | b'#' | b'?' | b'-' | b'$' | b'!' | b'0'..=b'9' => 1,
                    _ => self.rest().bytes().skip(1).take_while(|byte| is_name(*byte)).count(),
                };
                self.advance(1 + length);
                if length > 0 {
                    draft.own(at).push_str("${");
                    draft.take(at + 1, at + 1 + length);
                    draft.own(at).push('}');
                    return Ok(());
                }
            }
            (None, _) => self.advance(1),
        }
        draft.take(at, self.at);
        Ok(())
    }

    /// The commands in `$(…)` or `<(…)`, behind the parenthesis, and its end.
    fn substitution(&mut self) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(Broken);
        }
        self.list()?;
        self.depth -= 1;
        self.expect(b')')
    }

    /// The rest of `${…}`.
    fn braces(&mut self) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(Broken);
        }
        let mut unused = Draft { text: self.text, start: self.at, own: None };
        loop {
            match self.peek().ok_or(Broken)? {
                b'}' => {
                    self.advance(1);
                    self.depth -= 1;
                    return Ok(());
                }
                b'\\' => self.advance(2),
                b'\'' => {
                    self.advance(1);
                    let length = self.rest().find('\'').ok_or(Broken)?;
                    self.advance(length + 1);
                }
                b'"' => {
                    self.advance(1);
                    self.quoted(&mut unused)?;
                }
                b'$' => self.dollar(&mut unused, Quotes::Double)?,
                b'`' => self.backticks()?,
                _ => self.advance(1),
            }
        }
    }

    /// `` `…` ``, whose backslashes are one level deeper.
    fn backticks(&mut self) -> Result<(), Broken> {
        self.depth += 1;
        if self.depth > DEEPEST_NESTING {
            return Err(Broken);
        }
        self.advance(1);
        let from = self.at;
        let mut escapes = false;
        while self.peek().ok_or(Broken)? != b'`' {
            let escape = self.peek() == Some(b'\\');
            escapes |= escape;
            self.advance(if escape { 2 } else { 1 });
        }
        let inside = self.text.get(from..self.at).unwrap_or_default();
        self.advance(1);
        if escapes {
            let plain = unescaped(inside);
            let script = Script::nested(&plain, self.depth)?;
            self.has_pipe |= script.has_pipe;
            self.commands.extend(script.commands.into_iter().map(Command::into_owned));
        } else {
            let script = Script::nested(inside, self.depth)?;
            self.has_pipe |= script.has_pipe;
            self.commands.extend(script.commands);
        }
        self.depth -= 1;
        Ok(())
    }

    /// `((…))` behind an opening of so many bytes; back where it began if it is none.
    pub(super) fn arithmetic(&mut self, opening: usize) -> Result<(), Broken> {
        let (at, commands, depth) = (self.at, self.commands.len(), self.depth);
        self.depth += 1;
        let end = if self.depth > DEEPEST_NESTING { Err(Broken) } else { self.expression(opening) };
        self.depth = depth;
        if end.is_err() {
            self.at = at;
            self.commands.truncate(commands);
        }
        end
    }

    fn expression(&mut self, opening: usize) -> Result<(), Broken> {
        self.advance(opening);
        let mut unused = Draft { text: self.text, start: self.at, own: None };
        let mut open = 0_usize;
        // Two operands in a row are words of a command.
        let mut behind_operand = false;
        loop {
            let byte = self.peek().ok_or(Broken)?;
            match byte {
                b')' if open == 0 => {
                    return if self.ahead(1) == Some(b')') {
                        self.advance(2);
                        Ok(())
                    } else {
                        Err(Broken)
                    };
                }
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
            match byte {
                b' ' | b'\t' | b'\n' => self.advance(1),
                _ if is_word(byte) => {
                    if behind_operand {
                        return Err(Broken);
                    }
                    while let Some(byte) = self.peek().filter(|byte| is_word(*byte)) {
                        match byte {
                            b'$' => self.dollar(&mut unused, Quotes::Double)?,
                            _ => self.advance(1),
                        }
                    }
                    behind_operand = true;
                }
                b'"' => {
                    self.advance(1);
                    self.quoted(&mut unused)?;
                }
                b'`' => self.backticks()?,
                _ => {
                    self.advance(1);
                    behind_operand = matches!(byte, b')' | b']');
                }
            }
        }
    }

    /// Whether what stands before a parenthesis makes an extended pattern of it.
    fn pattern_before(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|at| self.text.as_bytes().get(at));
        matches!(before, Some(b'@' | b'!' | b'+' | b'*' | b'?'))
    }

    /// Goes on behind the parenthesis that closes the open one.
    fn balanced(&mut self) -> Result<(), Broken> {
        let mut open = 1_usize;
        while open > 0 {
            match self.peek().ok_or(Broken)? {
                b'(' => open += 1,
                b')' => open -= 1,
                _ => {}
            }
            self.advance(1);
        }
        Ok(())
    }

    /// How long `{a,b}` or `{1..9}` is here.
    fn alternatives(&self) -> Option<usize> {
        let inside = self.rest().get(1..)?;
        let end = inside.find(['{', '}', ' ', '\t', '\n', ';', '|', '&', '\'', '"'])?;
        let is_closed = inside.as_bytes().get(end) == Some(&b'}');
        let inside = inside.get(..end).filter(|_| is_closed)?;
        (inside.contains(',') || inside.contains("..")).then_some(end + 2)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quotes {
    None,
    Double,
}

/// What stands between backticks once its own escapes are gone.
fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match characters.peek() {
            Some(next @ ('`' | '\\' | '$' | '"')) if c == '\\' => {
                plain.push(*next);
                characters.next();
            }
            _ => plain.push(c),
        }
    }
    plain
}
