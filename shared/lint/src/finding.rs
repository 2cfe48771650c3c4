//! What the linter found, and how bad it is. Not how it is shown (see `render`).

use std::{borrow::Cow, fmt, ops::Range, str::FromStr};

use dockerfile::{Edit, NotText};

/// How bad a finding is; mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Not looked at.
    Ignore,
    /// A matter of taste.
    Style,
    /// Worth knowing.
    Info,
    /// Will cause trouble sooner or later.
    Warning,
    /// Wrong.
    Error,
}

/// A word that is no level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a level; write one of error, warning, info, style, ignore")]
pub struct InvalidLevel(pub String);

/// One place that breaks one rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The first line of the instruction, from 1.
    pub line: usize,
    /// The bytes that are meant, where the rule can name them; else the instruction as a whole is.
    pub span: Option<Range<usize>>,
    /// The rule's code, such as `DL3006`.
    pub code: Cow<'static, str>,
    /// How bad the policy finds it.
    pub level: Level,
    /// What is wrong and what to do.
    pub message: Cow<'static, str>,
    /// Edits that put it right without changing what the file means otherwise; empty where a person must decide.
    pub fix: Vec<Edit>,
}

/// What the linter makes of one file under one policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What was found, by line and code.
    pub findings: Vec<Finding>,
    /// Whether the policy refuses the file for it.
    pub refused: bool,
}

/// The finding about bytes that are no text: DL1000, which nothing silences.
pub fn unreadable(error: &NotText) -> Finding {
    Finding {
        line: error.line,
        span: None,
        code: Cow::Borrowed("DL1000"),
        level: Level::Error,
        message: Cow::Owned(format!("Put it right: {error}.")),
        fix: Vec::new(),
    }
}

impl Level {
    /// Every level, worst first.
    pub const ALL: [Self; 5] = [Self::Error, Self::Warning, Self::Info, Self::Style, Self::Ignore];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Style => "style",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl FromStr for Level {
    type Err = InvalidLevel;

    fn from_str(text: &str) -> Result<Self, InvalidLevel> {
        let level = Self::ALL.into_iter().find(|level| level.as_str() == text);
        level.ok_or_else(|| InvalidLevel(text.chars().take(40).collect()))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
