//! The names that git takes from us: commits and branches. Not their resolution.

use std::fmt;
use std::str::FromStr;

/// A commit's full id: 40 lower-case hex digits (SHA-1), or 64 (SHA-256). Abbreviations name nothing for sure.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Commit(String);

/// A branch's name without `refs/heads/`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Branch(String);

/// Why a text is no name of git's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// No commit.
    #[error("`{0}` is not a commit; write all of its 40 (or 64) lower-case hex digits")]
    Commit(String),
    /// No branch.
    #[error("`{0}` is not a branch's name (see git check-ref-format)")]
    Branch(String),
}

impl Commit {
    /// The hex digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hash function of its repository, in git's word.
    pub(super) fn object_format(&self) -> &'static str {
        if self.0.len() == 64 { "sha256" } else { "sha1" }
    }
}

impl Branch {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Commit {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let hex = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        match text.len() {
            40 | 64 if hex => Ok(Self(text.to_owned())),
            _ => Err(InvalidName::Commit(text.chars().take(80).collect())),
        }
    }
}

impl FromStr for Branch {
    type Err = InvalidName;

    /// The rules of git-check-ref-format(1), and no leading dash.
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let characters =
            text.chars().all(|c| !c.is_control() && !c.is_whitespace() && !"~^:?*[\\".contains(c));
        let components = text.split('/').all(|component| {
            !component.is_empty() && !component.starts_with('.') && !component.ends_with(".lock")
        });
        let whole = !text.contains("..")
            && !text.contains("@{")
            && !text.ends_with('.')
            && !text.starts_with('-')
            && text != "@"
            && text.len() <= 255;
        match characters && components && whole {
            true => Ok(Self(text.to_owned())),
            false => Err(InvalidName::Branch(text.chars().take(80).collect())),
        }
    }
}

impl fmt::Display for Commit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_full_ids_are_commits() {
        assert!("a".repeat(40).parse::<Commit>().is_ok());
        assert!("0".repeat(64).parse::<Commit>().is_ok());
        for text in ["", "HEAD", "main", "abc1234", &"A".repeat(40), &"a".repeat(41), &"g".repeat(40)] {
            assert!(text.parse::<Commit>().is_err(), "{text}");
        }
    }

    #[test]
    fn branches_follow_gits_rules() {
        for text in ["main", "feature/x-1", "plimsoll/ban-17", "ünïcode"] {
            assert!(text.parse::<Branch>().is_ok(), "{text}");
        }
        for text in
            ["", "-u", "a..b", "a b", "a~1", "a^", "a:b", "a?", "a*", "a[", "a\\b", "/a", "a/", "a//b"]
        {
            assert!(text.parse::<Branch>().is_err(), "{text}");
        }
        for text in ["a.lock", ".a", "a.", "a@{1}", "@", "a\nb", "a\u{7f}b"] {
            assert!(text.parse::<Branch>().is_err(), "{text}");
        }
    }
}
