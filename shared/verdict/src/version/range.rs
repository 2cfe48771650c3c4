//! Which versions a catalog entry means: one tag, a glob over tags, or a range of versions. Not what is done with them.
//!
//! `rule := tag | glob | range`, `glob :=` a tag's characters with `*` and `?`, `range := bound ((" " | ",") bound)*`,
//! `bound := ("^" | "~" | ">=" | ">" | "<=" | "<" | "=") version`. What is a valid tag is a tag, so every list of tags is a list of rules.
//! Bounds mean what they mean in Cargo and npm; a range holds a tag if it holds every version to which that tag may float, so `10` is not in
//! `>=10.4`; and it holds released versions with the suffix of its bounds alone.

use std::{fmt, str::FromStr};

use artifact::Tag;

use super::{Scheme, Version, order};
use crate::glob::Glob;

/// A rule for tags, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRule {
    text: String,
    rule: Rule,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rule {
    Tag(Tag),
    Glob(Glob),
    Range { scheme: Scheme, suffix: String, from: Vec<u64>, below: Option<Vec<u64>> },
}

/// Why a text is no rule for versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` names no versions: {reason}")]
pub struct InvalidVersionRule {
    /// What was given, cut at 100 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

/// Longer than any range that a person writes.
const LONGEST: usize = 256;

impl VersionRule {
    /// Whether the rule means `tag`.
    pub fn holds(&self, tag: &Tag) -> bool {
        match &self.rule {
            Rule::Tag(own) => own == tag,
            Rule::Glob(glob) => glob.matches(tag.as_str()),
            Rule::Range { scheme, suffix, from, below } => Version::of(tag).is_some_and(|version| {
                let end = next(&version.numbers);
                version.scheme == *scheme
                    && version.suffix == *suffix
                    && !version.is_prerelease()
                    && order(from, &version.numbers).is_le()
                    && below.as_ref().is_none_or(|below| order(&end, below).is_le())
            }),
        }
    }

    /// The one tag that it means, if it is one.
    pub fn tag(&self) -> Option<&Tag> {
        match &self.rule {
            Rule::Tag(tag) => Some(tag),
            Rule::Glob(_) | Rule::Range { .. } => None,
        }
    }
}

/// The first version behind all to which `numbers` may float.
fn next(numbers: &[u64]) -> Vec<u64> {
    let mut next = numbers.to_vec();
    if let Some(last) = next.last_mut() {
        *last = last.saturating_add(1);
    }
    next
}

impl FromStr for VersionRule {
    type Err = InvalidVersionRule;

    fn from_str(text: &str) -> Result<Self, InvalidVersionRule> {
        let invalid = |reason| InvalidVersionRule { text: text.chars().take(100).collect(), reason };
        if text.len() > LONGEST {
            return Err(invalid("it is longer than 256 characters"));
        }
        let rule = if let Ok(tag) = text.parse() {
            Rule::Tag(tag)
        } else if text.contains(['*', '?']) {
            let characters = |c: char| c.is_ascii_alphanumeric() || "_.-*?".contains(c);
            if !text.chars().all(characters) {
                return Err(invalid("a glob has the characters of a tag, `*` and `?`"));
            }
            Rule::Glob(Glob::new(text))
        } else {
            range(text).map_err(invalid)?
        };
        Ok(Self { text: text.to_owned(), rule })
    }
}

fn range(text: &str) -> Result<Rule, &'static str> {
    const FORM: &str = "write a tag, a glob such as 10.4.*, or a range such as >=10.4 <11 or ^10.4-alpine";
    let mut common: Option<(Scheme, String)> = None;
    let (mut from, mut below): (Vec<u64>, Option<Vec<u64>>) = (vec![0], None);
    for bound in text.split([' ', ',']).filter(|bound| !bound.is_empty()) {
        let (operator, version) = ["^", "~", ">=", "<=", ">", "<", "="]
            .into_iter()
            .find_map(|operator| Some((operator, bound.strip_prefix(operator)?)))
            .ok_or(FORM)?;
        let Version { scheme, numbers, prerelease, suffix } = Version::read(version).ok_or(FORM)?;
        if prerelease.is_some() {
            return Err("a range holds released versions; name a prerelease by its tag or a glob");
        }
        let kind = (scheme, suffix);
        if *common.get_or_insert_with(|| kind.clone()) != kind {
            return Err("its bounds differ in more than their numbers; give each the same suffix");
        }
        let end = next(&numbers);
        // The components that stay: for ^ those up to the first that is not zero, for ~ the first two.
        let kept = match operator {
            "^" => numbers.iter().position(|number| *number > 0).map_or(numbers.len(), |first| first + 1),
            _ => numbers.len().min(2),
        };
        let wide = next(numbers.get(..kept).unwrap_or_default());
        let (low, high) = match operator {
            "^" | "~" => (Some(numbers), Some(wide)),
            ">=" => (Some(numbers), None),
            ">" => (Some(end), None),
            "<=" => (None, Some(end)),
            "<" => (None, Some(numbers)),
            _ => (Some(numbers), Some(end)),
        };
        from = low.into_iter().fold(from, |from, low| if order(&from, &low).is_lt() { low } else { from });
        below = match (below, high) {
            (Some(below), Some(high)) => Some(if order(&high, &below).is_lt() { high } else { below }),
            (below, high) => below.or(high),
        };
    }
    let (scheme, suffix) = common.ok_or(FORM)?;
    if below.as_ref().is_some_and(|below| order(&from, below).is_ge()) {
        return Err("no version is in that range; its bounds exclude each other");
    }
    Ok(Rule::Range { scheme, suffix, from, below })
}

impl fmt::Display for VersionRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Tag> for VersionRule {
    fn from(tag: Tag) -> Self {
        Self { text: tag.to_string(), rule: Rule::Tag(tag) }
    }
}
