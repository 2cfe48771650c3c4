//! Names on the bus. A subject is dot-separated tokens; here no token ever holds a wildcard, a space or a control character.

use std::{fmt, str::FromStr};

/// A concrete subject, fit to be published on.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject(String);

/// Why a text is no subject.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a subject: tokens of letters, digits, - and _, separated by single dots")]
pub struct InvalidSubject(pub String);

impl Subject {
    /// `kind` followed by `key`. Characters that no token may hold become `_`, so that a hostile name stays one token.
    pub fn of(kind: &str, key: &[String]) -> Self {
        let mut subject = kind.to_owned();
        for token in key {
            subject.push('.');
            subject.extend(token.chars().map(|c| if is_token_character(c) { c } else { '_' }));
        }
        Self(subject)
    }

    /// The subject's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first three tokens, which say what kind of message it is, and the rest.
    pub fn split_kind(&self) -> Option<(&str, &str)> {
        let third_dot = self.0.match_indices('.').nth(2)?.0;
        Some((self.0.get(..third_dot)?, self.0.get(third_dot + 1..)?))
    }
}

fn is_token_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        let token = |token: &str| !token.is_empty() && token.chars().all(is_token_character);
        if text.split('.').all(token) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSubject(text.to_owned()))
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
