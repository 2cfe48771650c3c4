//! Parser directives: the `# key=value` comments at the top of a file. Not the frontend that `syntax` names.
//!
//! Grammar (BuildKit, `parser/directives.go`): `^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$`, on consecutive lines from the first
//! on; the first line that is none ends them.

use std::ops::Range;

/// One parser directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its line, from 1.
    pub line: usize,
    /// The whole line with its ending.
    pub span: Range<usize>,
    /// Which one.
    pub name: DirectiveName,
    /// Its value without the blanks around it.
    pub value: String,
    /// The value's bytes.
    pub value_span: Range<usize>,
}

/// The directives there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DirectiveName {
    /// The image that interprets the file.
    Syntax,
    /// The escape and continuation character.
    Escape,
    /// Which build checks run.
    Check,
}

impl DirectiveName {
    /// Its key, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Escape => "escape",
            Self::Check => "check",
        }
    }
}

/// The character that escapes and continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Escape {
    /// `\`, the default.
    #[default]
    Backslash,
    /// The backtick, for files with Windows paths.
    Backtick,
}

impl Escape {
    /// The character itself.
    pub fn as_char(self) -> char {
        match self {
            Self::Backslash => '\\',
            Self::Backtick => '`',
        }
    }

    /// The escape that a directive's value names.
    pub(crate) fn named(value: &str) -> Option<Self> {
        match value {
            "\\" => Some(Self::Backslash),
            "`" => Some(Self::Backtick),
            _ => None,
        }
    }
}

/// A directive as one line holds it: name, and the value with its offset in the line.
pub(crate) fn directive_in(line: &str) -> Option<(DirectiveName, usize, &str)> {
    let inside = line.strip_prefix('#')?.trim_start();
    let key_length = inside.find(|c: char| !c.is_ascii_alphanumeric())?;
    let (key, rest) = inside.split_at_checked(key_length)?;
    let name = [DirectiveName::Syntax, DirectiveName::Escape, DirectiveName::Check]
        .into_iter()
        .find(|name| key.eq_ignore_ascii_case(name.as_str()))?;
    let behind = rest.trim_start_matches(is_blank).strip_prefix('=')?;
    // The grammar wants one character at least: of blanks alone, the last is the value.
    let (last, _) = behind.char_indices().next_back()?;
    let blanks = behind.len() - behind.trim_start_matches(is_blank).len();
    let after = behind.get(blanks.min(last)..)?;
    let trimmed = after.trim_end_matches(is_blank);
    let value = if trimmed.is_empty() { after } else { trimmed };
    Some((name, line.len() - after.len(), value))
}

/// What `\s` means in the grammar: ASCII white space without the vertical tab.
fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\x0c' | '\r' | ' ')
}
