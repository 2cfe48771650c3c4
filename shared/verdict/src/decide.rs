//! May this image pass this door? A function of (snapshot, image facts, door, time) and of nothing else.

mod message;
mod stale;

use std::{fmt, str::FromStr};

use artifact::{BaseRole, ImageFacts, ImageRef};
use lineage::{Evidence, Tie};
use time::OffsetDateTime;

pub use stale::{Aged, MAX_AGE, OnStale, StalePolicy};

use crate::{
    order::{BanTarget, Severity},
    snapshot::{ActiveBan, AsOf, Coverage, Origin, Snapshot},
};

/// Where a verdict is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Door {
    /// A definition names the image.
    From,
    /// The image is published under a tag.
    Push,
    /// A node fetches the image.
    Pull,
    /// A container is created from it.
    Create,
    /// A container of it is started.
    Start,
    /// Somebody asks.
    Check,
}

/// How strict a door is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// Let everything pass and say what would have happened.
    Observe,
    /// Let everything pass with a warning.
    Warn,
    /// Refuse.
    Enforce,
}

/// What is done, mildest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Decision {
    /// It may pass.
    Allow,
    /// It may pass, and somebody should know.
    Warn,
    /// It may not pass.
    Refuse,
}

/// Why a verdict is what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// No ban covers it.
    Clear,
    /// A ban covers it.
    Banned(Tie),
    /// A ban is not resolved yet, and the image cannot be cleared of it.
    Pending,
    /// Nothing but a name is known of the image while bans are in force.
    Unknown,
    /// Whoever answers could not read an order that is in force.
    Behind,
    /// What is known is too old to clear it.
    Stale,
    /// Nothing is known at all: neither orders nor what they mean.
    NoState,
    /// The container's image cannot be read, so that it cannot be cleared of a ban that is in force.
    Unreadable,
}

/// The answer at a door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// What is done at this door, in its mode.
    pub decision: Decision,
    /// What would be done if the door enforced.
    pub strict: Decision,
    /// Why.
    pub rule: Rule,
    /// The ban that is the reason, where one is.
    pub ban: Option<BanNotice>,
    /// From the banned base to the image.
    pub path: Vec<String>,
    /// What to use instead.
    pub replacement: Option<ImageRef>,
    /// How far the snapshot had read.
    pub as_of: AsOf,
    /// When the answer ends by itself, where it does.
    pub valid_until: Option<OffsetDateTime>,
    /// How old the snapshot was; none where it was not measured.
    pub aged: Option<Aged>,
}

/// What a refused person is told of a ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BanNotice {
    /// Who ordered it, and when.
    pub origin: Origin,
    /// What is banned.
    pub target: BanTarget,
    /// Why.
    pub reason: String,
    /// How bad it is.
    pub severity: Severity,
}

/// Decides about one image instance at one door.
pub fn decide(snapshot: &Snapshot, image: &ImageFacts, door: Door, now: OffsetDateTime) -> Verdict {
    decide_unless(snapshot, image, door, now, |_| false)
}

/// As [`decide`], past the bans from which somebody is excused (see [`Snapshot::excuse`]).
pub fn decide_unless(
    snapshot: &Snapshot,
    image: &ImageFacts,
    door: Door,
    now: OffsetDateTime,
    excused: impl Fn(&ActiveBan) -> bool,
) -> Verdict {
    let mut verdict = Verdict {
        decision: Decision::Allow,
        strict: Decision::Allow,
        rule: Rule::Clear,
        ban: None,
        path: Vec::new(),
        replacement: None,
        as_of: snapshot.as_of(),
        valid_until: None,
        aged: None,
    };
    if snapshot.behind() {
        verdict.strict = Decision::Refuse;
        verdict.rule = Rule::Behind;
    }
    for ban in snapshot.bans().filter(|ban| ban.holds_at(now) && !excused(ban)) {
        let coverage = snapshot.coverage(ban);
        let (strict, rule) = match tie(ban, &coverage, image) {
            Some(tie) => (Decision::Refuse, Rule::Banned(tie)),
            None if image.is_resolved() && coverage.complete => continue,
            None => {
                let rule = if image.is_resolved() { Rule::Pending } else { Rule::Unknown };
                (if ban.ban.severity == Severity::Critical { Decision::Refuse } else { Decision::Warn }, rule)
            }
        };
        // The strictest ban speaks; among equals one that truly covers the image, then the oldest.
        let weight = |decision: Decision, rule: &Rule| (decision, matches!(rule, Rule::Banned(_)));
        if weight(strict, &rule) > weight(verdict.strict, &verdict.rule) {
            verdict.path = path(ban, image);
            verdict = Verdict {
                strict,
                rule,
                ban: Some(ban.into()),
                replacement: ban.ban.replacement.clone(),
                valid_until: ban.ban.expires,
                ..verdict
            };
        }
    }
    verdict.decision = snapshot.mode(door).of(verdict.strict);
    verdict
}

impl Mode {
    /// What is done in this mode where an enforcing one would do `strict`.
    pub fn of(self, strict: Decision) -> Decision {
        match self {
            Self::Observe => Decision::Allow,
            Self::Warn => strict.min(Decision::Warn),
            Self::Enforce => strict,
        }
    }
}

/// The strongest tie by which `ban` holds `image`, if it does.
pub fn tie(ban: &ActiveBan, coverage: &Coverage, image: &ImageFacts) -> Option<Tie> {
    let base = |evidence| Some(Tie { role: BaseRole::Base, evidence });
    if let Some(digest) = image.digests.iter().find(|digest| coverage.digests.contains(*digest)) {
        return base(Evidence::Same(digest.clone()));
    }
    let counts = |role: BaseRole| ban.ban.roles.contains(&role);
    if counts(BaseRole::Base) {
        if let Some(chain) = image.chain().into_iter().find(|chain| coverage.chains.contains(chain)) {
            return base(Evidence::Chain(chain));
        }
        if let BanTarget::Layer(layer) = &ban.ban.target
            && image.layers.contains(layer)
        {
            return base(Evidence::Chain(layer.digest().clone().into()));
        }
    }
    let recorded =
        coverage.derived.iter().find(|(digest, role)| counts(*role) && image.digests.contains(digest));
    if let Some((digest, role)) = recorded {
        return Some(Tie { role: *role, evidence: Evidence::Build(digest.clone()) });
    }
    if !is_cleared(coverage, image)
        && let Some(name) = image.references.iter().find(|name| ban.ban.names(name))
    {
        return base(Evidence::Name(name.clone()));
    }
    let of_cleared = |claim: &ImageRef| {
        claim.digest().is_some_and(|digest| coverage.cleared.digests.contains(digest))
            || image.chain().iter().any(|chain| coverage.cleared.chains.contains(chain))
    };
    let is_named = |claim: &&ImageRef| ban.ban.names(&unpinned(claim)) && !of_cleared(claim);
    let claim = image.claimed_bases.iter().find(is_named)?;
    counts(BaseRole::Base).then(|| Tie { role: BaseRole::Base, evidence: Evidence::Claim(claim.clone()) })
}

/// Whether an image that bears a banned name is not meant, since the tag was fixed: it has the fixed digest or a later one. Where nothing but the name is
/// known, the name stands for the newest digest of the tag. An image with another digest is denied by its name, since its age is unknown.
fn is_cleared(coverage: &Coverage, image: &ImageFacts) -> bool {
    if image.digests.is_empty() {
        coverage.cleared.newest
    } else {
        !coverage.cleared.digests.is_disjoint(&image.digests)
    }
}

/// A label may pin the base it claims; the claim is about the name all the same.
fn unpinned(claim: &ImageRef) -> ImageRef {
    match claim.tag() {
        Some(tag) => claim.repository().at_tag(tag.clone()),
        None => claim.clone(),
    }
}

fn path(ban: &ActiveBan, image: &ImageFacts) -> Vec<String> {
    let name = image.references.first().map(ToString::to_string);
    let name = name
        .or_else(|| image.digests.first().map(ToString::to_string))
        .unwrap_or_else(|| "this image".to_owned());
    vec![ban.ban.target.to_string(), name]
}

impl From<&ActiveBan> for BanNotice {
    fn from(ban: &ActiveBan) -> Self {
        Self {
            origin: ban.record.clone(),
            target: ban.ban.target.clone(),
            reason: ban.ban.reason.clone(),
            severity: ban.ban.severity,
        }
    }
}

macro_rules! words {
    ($name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        impl $name {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word used on the wire and for people.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl FromStr for $name {
            type Err = ();

            fn from_str(text: &str) -> Result<Self, ()> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text).ok_or(())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words!(Door { From = "from", Push = "push", Pull = "pull", Create = "create", Start = "start", Check = "check" });
words!(Mode { Observe = "observe", Warn = "warn", Enforce = "enforce" });
words!(Decision { Allow = "allow", Warn = "warn", Refuse = "refuse" });

#[cfg(test)]
mod tests;
