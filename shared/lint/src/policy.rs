//! Which findings refuse a file and which are not looked at. Not where policies come from.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    finding::{Finding, Level},
    rules,
};

/// What a file must satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The mildest level that refuses; none refuses by level alone.
    pub fail_on: Option<Level>,
    /// Codes that always refuse: whatever their level, and whatever the file's own comments say.
    pub deny: Vec<String>,
    /// Codes that are not looked at, unless denied.
    pub ignore: Vec<String>,
    /// Levels that differ from the rules' own, by code.
    pub levels: BTreeMap<String, Level>,
    /// The registries that images may come from, a `*` at either end standing for anything; empty where any will do.
    pub trusted_registries: Vec<String>,
    /// The labels that every image must have, and what their values must be.
    pub label_schema: BTreeMap<String, LabelFormat>,
    /// Whether labels outside the schema are findings too.
    pub strict_labels: bool,
    /// What a file's own comments may do.
    pub silencing: Silencing,
}

/// What the value of a label must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LabelFormat {
    /// Anything.
    Text,
    /// A time (RFC 3339).
    Rfc3339,
    /// A semantic version.
    Semver,
    /// A URI (RFC 3986).
    Url,
    /// A git hash of 7 or 40 digits.
    Hash,
    /// The identifier of a licence (SPDX).
    Spdx,
    /// An address (RFC 5322).
    Email,
}

/// Whether a file's own comments (`# hadolint ignore=`) are heard.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Silencing {
    /// They are.
    #[default]
    Heard,
    /// Only where they say why: `# hadolint ignore=DL3008 # reason`.
    WithReason,
    /// They are not.
    Forbidden,
}

/// A word that is no format of a label.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a label format; write one of text, rfc3339, semver, url, hash, spdx, email")]
pub struct InvalidLabelFormat(pub String);

impl Default for Policy {
    /// Errors refuse, the rest is told: what a project without a policy of its own gets.
    fn default() -> Self {
        Self {
            fail_on: Some(Level::Error),
            deny: Vec::new(),
            ignore: Vec::new(),
            levels: BTreeMap::new(),
            trusted_registries: Vec::new(),
            label_schema: BTreeMap::new(),
            strict_labels: false,
            silencing: Silencing::Heard,
        }
    }
}

impl Policy {
    /// The codes in it that nobody finds, denied ones first: most likely a slip of the pen, and without effect.
    pub fn unknown_codes(&self) -> Vec<&str> {
        let codes = self.deny.iter().chain(&self.ignore).chain(self.levels.keys()).map(String::as_str);
        codes.filter(|code| !rules::is_known(code)).collect()
    }

    /// How bad this policy finds a code whose own level is `level`; none where it is not looked at.
    pub(crate) fn level_of(&self, code: &str, level: Level) -> Option<Level> {
        let level = self.levels.get(code).copied().unwrap_or(level);
        let ignored = level == Level::Ignore || self.ignore.iter().any(|ignored| ignored == code);
        // What is denied is looked at even where it is off otherwise, and is then as bad as can be.
        match (self.denies(code), ignored) {
            (true, _) if level == Level::Ignore => Some(Level::Error),
            (true, _) | (false, false) => Some(level),
            (false, true) => None,
        }
    }

    pub(crate) fn denies(&self, code: &str) -> bool {
        self.deny.iter().any(|denied| denied == code)
    }

    pub(crate) fn refuses(&self, finding: &Finding) -> bool {
        self.denies(&finding.code) || self.fail_on.is_some_and(|mildest| finding.level >= mildest)
    }
}

impl LabelFormat {
    /// Every format.
    pub const ALL: [Self; 7] =
        [Self::Text, Self::Rfc3339, Self::Semver, Self::Url, Self::Hash, Self::Spdx, Self::Email];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Rfc3339 => "rfc3339",
            Self::Semver => "semver",
            Self::Url => "url",
            Self::Hash => "hash",
            Self::Spdx => "spdx",
            Self::Email => "email",
        }
    }
}

impl FromStr for LabelFormat {
    type Err = InvalidLabelFormat;

    fn from_str(text: &str) -> Result<Self, InvalidLabelFormat> {
        let format = Self::ALL.into_iter().find(|format| format.as_str() == text);
        format.ok_or_else(|| InvalidLabelFormat(text.chars().take(40).collect()))
    }
}
