//! What a verdict becomes where what it rests on is too old, or nothing at all. How old it is, is `freshness`' business.

use std::{collections::BTreeSet, fmt, str::FromStr, time::Duration};

use artifact::{Digest, ImageFacts};

use super::{Decision, Mode, Rule, Verdict};
use crate::snapshot::AsOf;

/// The default of [`StalePolicy::max_age`]: a restart of the broker and of the invalidator fits in, and a ban holds a minute later at most.
pub const MAX_AGE: Duration = Duration::from_secs(60);

/// What an enforcement point does when what it knows is too old. Known denials hold under each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum OnStale {
    /// Answer from what is known, with a warning.
    #[default]
    LastKnown,
    /// Deny what cannot be cleared freshly.
    Closed,
    /// Allow it, with a warning.
    Open,
}

/// What an enforcement point is held to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StalePolicy {
    /// The age past which what it knows is stale.
    pub max_age: Duration,
    /// What it does then.
    pub on_stale: OnStale,
    /// Images (any of their digests) that are never denied for staleness: without the broker's own there is no way back.
    pub exempt: BTreeSet<Digest>,
}

/// How old the state behind a verdict was, and what it was held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Aged {
    /// The age; none where no heartbeat has said.
    pub age: Option<Duration>,
    /// The age past which it is stale.
    pub max_age: Duration,
    /// What is done then.
    pub on_stale: OnStale,
}

impl Aged {
    /// Whether it is too old.
    pub fn is_stale(&self) -> bool {
        self.age.is_none_or(|age| age > self.max_age)
    }
}

impl StalePolicy {
    /// How a state of this age stands under this policy.
    pub fn aged(&self, age: Option<Duration>) -> Aged {
        Aged { age, max_age: self.max_age, on_stale: self.on_stale }
    }

    fn exempts(&self, image: &ImageFacts) -> bool {
        image.digests.iter().any(|digest| self.exempt.contains(digest))
    }
}

impl Verdict {
    /// The verdict about `image` where the state it rests on is `age` old. In `mode` observe this is only recorded.
    #[must_use]
    pub fn aged(
        mut self,
        age: Option<Duration>,
        policy: &StalePolicy,
        mode: Mode,
        image: &ImageFacts,
    ) -> Self {
        let aged = policy.aged(age);
        self.aged = Some(aged);
        if !aged.is_stale() {
            return self;
        }
        // What a ban covers stays covered, and a gate that cannot read an order knows that it may not answer.
        let holds = self.strict == Decision::Refuse && matches!(self.rule, Rule::Banned(_) | Rule::Behind);
        match policy.on_stale {
            OnStale::Closed if self.strict != Decision::Refuse && !policy.exempts(image) => {
                self.strict = Decision::Refuse;
                self.rule = Rule::Stale;
                self.ban = None;
                self.replacement = None;
                self.path = image.references.first().map(ToString::to_string).into_iter().collect();
            }
            OnStale::Open if !holds => self.strict = Decision::Warn,
            OnStale::LastKnown | OnStale::Closed | OnStale::Open => {
                self.strict = self.strict.max(Decision::Warn);
            }
        }
        self.decision = mode.of(self.strict);
        self
    }

    /// The verdict where nothing is known at all: no mode either, so it holds as if every enforcement point enforced.
    pub fn without_state(policy: &StalePolicy, images: &[ImageFacts]) -> Self {
        let exempt = !images.is_empty() && images.iter().all(|image| policy.exempts(image));
        let strict = match policy.on_stale {
            OnStale::LastKnown | OnStale::Closed if !exempt => Decision::Refuse,
            OnStale::LastKnown | OnStale::Closed | OnStale::Open => Decision::Warn,
        };
        let path = images.iter().find_map(|image| image.references.first()).map(ToString::to_string);
        Self {
            decision: strict,
            strict,
            rule: Rule::NoState,
            ban: None,
            path: path.into_iter().collect(),
            replacement: None,
            as_of: AsOf::default(),
            valid_until: None,
            aged: Some(policy.aged(None)),
        }
    }
}

impl Default for StalePolicy {
    fn default() -> Self {
        Self { max_age: MAX_AGE, on_stale: OnStale::default(), exempt: BTreeSet::new() }
    }
}

impl OnStale {
    /// Every value.
    pub const ALL: [Self; 3] = [Self::LastKnown, Self::Closed, Self::Open];

    /// The word used in configuration and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LastKnown => "last-known",
            Self::Closed => "closed",
            Self::Open => "open",
        }
    }
}

impl FromStr for OnStale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|value| value.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no failure policy; write last-known, closed or open"))
    }
}

impl fmt::Display for OnStale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Aged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.age {
            Some(age) => write!(f, "{} s old", age.as_secs())?,
            None => f.write_str("of unknown age")?,
        }
        if self.is_stale() { write!(f, ", more than {} s", self.max_age.as_secs()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
