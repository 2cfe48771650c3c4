//! Policies: what definitions must satisfy. Not what is found in them (`lint`), and not what Rego modules say (`policy`): here they are text.

use std::{collections::BTreeMap, fmt, str::FromStr};

use super::Name;
use crate::glob::Glob;

/// What a definition must satisfy.
///
/// It holds for the projects that name it and for those that it names itself. Of a project's several policies, the linter's findings are held to the one
/// that the project names; each policy's own findings to its own threshold; what any of them denies is denied; and of what they let comments silence the
/// strictest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: Name,
    /// The level from which a finding refuses: error, warning, info or style; none refuses by level alone.
    pub fail_on: Option<String>,
    /// Rule codes that always refuse.
    pub deny: Vec<String>,
    /// Rule codes that are not looked at.
    pub ignore: Vec<String>,
    /// The organisation's own rules.
    pub rego: Option<Rego>,
    /// The projects that it holds for without their naming it.
    pub projects: Vec<ProjectPattern>,
    /// What a definition's own comments may silence of the linter's findings.
    pub silencing: Silencing,
}

/// Whether a definition's own comments (`# hadolint ignore=`) are heard; the strictest is the greatest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Silencing {
    /// They are.
    #[default]
    Heard,
    /// Only where they say why.
    WithReason,
    /// They are not.
    Forbidden,
}

/// A word that says nothing about comments.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` says nothing about comments; write one of heard, with-reason, forbidden")]
pub struct InvalidSilencing(pub String);

impl Policy {
    /// Whether it says nothing that is not so without it: what takes the place of a policy that is removed.
    pub fn asks_nothing(&self) -> bool {
        let Self { name: _, fail_on, deny, ignore, rego, projects: _, silencing } = self;
        // The built-in policy refuses from there too, and hears comments.
        let as_built_in = fail_on.as_deref() == Some("error") && *silencing == Silencing::Heard;
        as_built_in && deny.is_empty() && ignore.is_empty() && rego.is_none()
    }
}

/// An organisation's own rules, in Rego over conftest's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rego {
    /// The modules; never empty.
    pub modules: Vec<Module>,
    /// A JSON object that they see as `data`.
    pub data: Option<String>,
    /// The packages whose rules decide; `main` where none is named.
    pub namespaces: Vec<String>,
    /// How bad findings are, by rule (`main.deny_latest`) or by kind (`deny`, `violation`, `warn`).
    pub levels: BTreeMap<String, String>,
    /// Rules that only say what they would do; `*` for all.
    pub dry_run: Vec<String>,
}

/// One module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its file's name, for people.
    pub file: String,
    /// What it says.
    pub text: String,
}

/// A glob over the names of projects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPattern(Glob);

/// Why a text is no glob over projects.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a glob over projects; write lower-case letters, digits and hyphens with `*` and `?`, as in shop-*"
)]
pub struct InvalidProjectPattern(pub String);

/// Every rule of a policy, in [`Rego::dry_run`].
const ALL: &str = "*";
/// No name of a project is longer.
const LONGEST_NAME: usize = 63;

impl Policy {
    /// Whether it holds for `project`, whatever that names.
    pub fn reaches(&self, project: &Name) -> bool {
        self.projects.iter().any(|pattern| pattern.0.matches(project.as_str()))
    }
}

impl Rego {
    /// Whether `rule` only says what it would do.
    pub fn is_dry(&self, rule: &str) -> bool {
        self.dry_run.iter().any(|dry| dry == rule || dry == ALL)
    }

    /// Whether no rule does more than say what it would do.
    pub fn is_all_dry(&self) -> bool {
        self.dry_run.iter().any(|dry| dry == ALL)
    }

    /// What it says of how bad a finding of `rule` is; none where it says nothing.
    pub fn level_of(&self, rule: &str) -> Option<&str> {
        let own = rule.rsplit('.').next().unwrap_or(rule);
        let kind = own.split('_').next().unwrap_or(own);
        self.levels.get(rule).or_else(|| self.levels.get(kind)).map(String::as_str)
    }

    /// The names in it that none of `rules`, the modules' deciding ones, has: each is a slip of the pen.
    pub fn strangers(&self, rules: &[String]) -> Vec<&str> {
        let kind = |name: &str| ["deny", "violation", "warn"].contains(&name);
        let levels = self.levels.keys().map(String::as_str).filter(|name| !kind(name));
        let dry = self.dry_run.iter().map(String::as_str).filter(|name| *name != ALL);
        levels.chain(dry).filter(|name| !rules.iter().any(|rule| rule == name)).collect()
    }
}

impl Silencing {
    /// Every one, the mildest first.
    pub const ALL: [Self; 3] = [Self::Heard, Self::WithReason, Self::Forbidden];

    /// Its word in orders: that of the key `silencing` in a `.hadolint.yaml`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Heard => "heard",
            Self::WithReason => "with-reason",
            Self::Forbidden => "forbidden",
        }
    }
}

impl fmt::Display for Silencing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Silencing {
    type Err = InvalidSilencing;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let known = Self::ALL.into_iter().find(|silencing| silencing.as_str() == word);
        known.ok_or_else(|| InvalidSilencing(word.chars().take(LONGEST_NAME).collect()))
    }
}

impl ProjectPattern {
    /// The projects whose names match `glob`.
    pub fn new(glob: &str) -> Result<Self, InvalidProjectPattern> {
        let known = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-*?".contains(&b);
        if (1..=LONGEST_NAME).contains(&glob.len()) && glob.bytes().all(known) {
            Ok(Self(Glob::new(glob)))
        } else {
            Err(InvalidProjectPattern(glob.chars().take(LONGEST_NAME).collect()))
        }
    }
}

impl fmt::Display for ProjectPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}
