//! What a `$` stands for: names, values, and the operators inside `${name…}`. Not quotes and words, which are its caller's.

use super::{Builder, Escapes, LONGEST_EXPANSION, Lexer, Mode, ShellError, Value};
use crate::pattern::{Pattern, Reach};

/// The most characters that one pattern is compared with, as pattern times value: a line of a pattern and a value of a kilobyte.
const MOST_COMPARED: usize = 128 * 1024;

/// The pattern that `text` is, if it can be applied to `value` in time.
fn parsed(text: &str, value: &str, operator: String) -> Result<Pattern, ShellError> {
    if text.len().saturating_mul(value.len()) > MOST_COMPARED {
        return Err(ShellError::TooLong);
    }
    // A line's end is no character to BuildKit's patterns.
    Pattern::parse(text).filter(|_| !value.contains('\n')).ok_or(ShellError::Modifier(operator))
}

impl Lexer<'_> {
    pub(super) fn dollar(&mut self, depth: usize) -> Result<String, ShellError> {
        self.characters.next();
        if self.characters.peek() != Some(&'{') {
            let name = self.name()?;
            return match (name.is_empty(), self.mode) {
                (true, _) => Ok("$".to_owned()),
                (false, Mode::Expand) => Ok(self.value(&name)?.unwrap_or_default()),
                (false, Mode::DropQuotes | Mode::KeepQuotes) => Ok(format!("${name}")),
            };
        }
        self.characters.next();
        match self.characters.peek() {
            None => return Err(ShellError::OpenBrace),
            Some('{' | '}' | ':') => return Err(ShellError::BadSubstitution),
            Some(_) => {}
        }
        let name = self.name()?;
        self.braced(name, depth)
    }

    /// What follows the name inside `${`.
    fn braced(&mut self, name: String, depth: usize) -> Result<String, ShellError> {
        let mut operator = String::new();
        let colon = self.characters.next_if_eq(&':');
        operator.extend(colon);
        let modifier = self.characters.next().ok_or(ShellError::OpenBrace)?;
        if modifier == '}' && colon.is_none() {
            return match self.mode {
                Mode::Expand => Ok(self.value(&name)?.unwrap_or_default()),
                Mode::DropQuotes | Mode::KeepQuotes => Ok(format!("${{{name}}}")),
            };
        }
        operator.push(modifier);
        let escapes = match (modifier, colon) {
            ('#' | '%' | '/', None) if self.builder == Builder::Older => {
                return Err(ShellError::Modifier(operator));
            }
            ('-' | '+' | '?', _) => Escapes::Dropped,
            ('#' | '%', None) => Escapes::Kept,
            ('/', None) => return self.replaced(name, depth),
            // Bash's `${name:0:3}` and its like: left to the shell of the step where nothing is expanded.
            (other, Some(_)) if self.mode != Mode::Expand && !matches!(other, '#' | '%') => Escapes::Dropped,
            _ => return Err(ShellError::Modifier(operator)),
        };
        let (word, _) = self.run(Some('}'), escapes, depth + 1)?;
        if self.mode != Mode::Expand {
            return Ok(format!("${{{name}{operator}{word}}}"));
        }
        let value = self.value(&name)?;
        let present = value.clone().filter(|value| colon.is_none() || !value.is_empty());
        match modifier {
            '-' => Ok(present.unwrap_or(word)),
            '+' => Ok(present.map(|_| word).unwrap_or_default()),
            '?' => present.ok_or_else(|| {
                let message = if word.is_empty() { "needs a value".to_owned() } else { word };
                ShellError::Required { name, message }
            }),
            _ => {
                let value = value.unwrap_or_default();
                let (pattern, longest) = match word.strip_prefix(modifier) {
                    Some(pattern) => (pattern, true),
                    None => (word.as_str(), false),
                };
                self.spend(pattern.len().saturating_mul(value.len()))?;
                let pattern = parsed(pattern, &value, operator)?;
                let reach = if longest { Reach::Longest } else { Reach::Shortest };
                let rest = if modifier == '#' {
                    pattern.without_prefix(&value, reach)
                } else {
                    pattern.without_suffix(&value, reach)
                };
                Ok(rest.to_owned())
            }
        }
    }

    /// `${name/pattern/word}` behind its first slash; a second one replaces every match.
    fn replaced(&mut self, name: String, depth: usize) -> Result<String, ShellError> {
        let all = self.characters.next_if_eq(&'/').is_some();
        let operator = if all { "//" } else { "/" };
        let (pattern, _) = self.run(Some('/'), Escapes::Kept, depth + 1)?;
        let (word, _) = self.run(Some('}'), Escapes::Kept, depth + 1)?;
        if self.mode != Mode::Expand {
            return Ok(format!("${{{name}{operator}{pattern}/{word}}}"));
        }
        // BuildKit takes `$1` in what replaces every match for a part of the match.
        if all && word.contains('$') {
            return Err(ShellError::Modifier(operator.to_owned()));
        }
        let value = self.value(&name)?.unwrap_or_default();
        self.spend(pattern.len().saturating_mul(value.len()))?;
        let pattern = parsed(&pattern, &value, operator.to_owned())?;
        let replaced = if all {
            pattern.replace_all(&value, &word, LONGEST_EXPANSION)
        } else {
            pattern.replace_first(&value, &word)
        };
        Ok(replaced)
    }

    fn value(&self, name: &str) -> Result<Option<String>, ShellError> {
        self.spend(0)?;
        match (self.lookup)(name) {
            Value::Set(value) => self.spend(value.len()).map(|()| Some(value)),
            Value::Unset => Ok(None),
            Value::Unknown(reason) => Err(ShellError::Unknown(reason)),
        }
    }

    fn spend(&self, steps: usize) -> Result<(), ShellError> {
        if self.budget.is_none_or(|budget| budget.spend(steps)) { Ok(()) } else { Err(ShellError::TooMuch) }
    }

    /// A name: digits, one special parameter, or letters, digits and underscores.
    fn name(&mut self) -> Result<String, ShellError> {
        let mut name = String::new();
        match self.characters.peek() {
            Some(c) if c.is_ascii_digit() => {
                while let Some(digit) = self.characters.next_if(char::is_ascii_digit) {
                    name.push(digit);
                }
                return Ok(name);
            }
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => {
                name.extend(self.characters.next());
                return Ok(name);
            }
            _ => {}
        }
        while let Some(c) = self.characters.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
            name.push(c);
        }
        match self.characters.peek() {
            // Go and Rust do not draw the line between letters and others alike.
            Some(c) if !c.is_ascii() && c.is_alphanumeric() => Err(ShellError::NameCharacter),
            _ => Ok(name),
        }
    }
}
