//! What an operator decides. Orders are the only authority; their JSON form is `events`' business.

mod catalog;
mod excuse;
mod policy;
mod replacement;
mod text;

use std::{collections::BTreeSet, fmt, str::FromStr};

use artifact::{BaseRole, DiffId, Digest, ImageRef, Repository, Tag};
use time::OffsetDateTime;

pub use catalog::{Base, CatalogSection, Downgrades, Pins, Remedy, Standing};
pub use excuse::{BasePattern, Exception, Excuse, Hold};
pub use policy::{InvalidProjectPattern, InvalidSilencing, Module, Policy, ProjectPattern, Rego, Silencing};
pub use replacement::{
    ImagePattern, InvalidReplacement, RegexPattern, Replacement, Template, WildcardPattern,
};
pub use text::{LONGEST_REASON_BYTES, TooLong, shortened};

/// The place of an order in the ORDERS stream: its identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sequence(pub u64);

/// An operator's name: the last token of the subject, which the broker's permissions vouch for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Operator(String);

/// The name of a project, policy or remedy: `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, so that it can be a subject token.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(String);

/// An order as it was stored: who, when, what.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRecord {
    /// Its place in the stream.
    pub sequence: Sequence,
    /// Who gave it.
    pub operator: Operator,
    /// When the broker stored it.
    pub at: OffsetDateTime,
    /// What it says.
    pub order: Order,
}

/// The orders there are.
#[derive(Debug, Clone, PartialEq)]
pub enum Order {
    /// Refuse an image and everything derived from it.
    Ban(Ban),
    /// End a ban.
    Lift(Lift),
    /// Record from which digest on a banned tag is clean.
    Fixed(Fixed),
    /// Replace one section of the catalog.
    Catalog(CatalogSection),
    /// Create or replace one project.
    Project(Project),
    /// Create or replace one policy.
    Policy(Policy),
    /// Run a declared remedy in every container that a ban covers.
    Remedy(RemedyOrder),
    /// Stop running the remedies of a ban.
    RemedyClosed(BanSelector),
}

/// What is banned.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BanTarget {
    /// One image, index or configuration.
    Digest(Repository, Digest),
    /// A tag: the name itself, every digest that it is known to have had before the ban, and each one that it has until a fix is recorded.
    Tag(Repository, Tag),
    /// Every image that contains this layer at any height.
    Layer(DiffId),
}

/// How bad it is; decides what happens to images that cannot be cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth replacing in the ordinary course.
    Low,
    /// Worth a campaign now.
    High,
    /// Worth refusing what cannot be cleared.
    Critical,
}

/// A ban.
#[derive(Debug, Clone, PartialEq)]
pub struct Ban {
    /// What is banned.
    pub target: BanTarget,
    /// Why, for the people who are refused.
    pub reason: String,
    /// How bad it is.
    pub severity: Severity,
    /// The roles in which the banned image taints another; never empty.
    pub roles: BTreeSet<BaseRole>,
    /// What to build on instead.
    pub replacement: Option<ImageRef>,
    /// The declared remedy for containers that run already.
    pub remedy: Option<Name>,
    /// When it ends by itself.
    pub expires: Option<OffsetDateTime>,
}

/// Which bans a lift or closing is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BanSelector {
    /// The ban with this sequence.
    Sequence(Sequence),
    /// Every active ban of this target.
    Target(BanTarget),
}

/// The end of a ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lift {
    /// Which bans end.
    pub bans: BanSelector,
    /// Why.
    pub reason: String,
}

/// A banned tag is clean from one digest on; the last such order of a ban decides.
///
/// The digest is the one that the tag itself points at, not one of the instances behind an index. That digest and each one that the tag has after it are
/// not covered; every earlier one stays covered, and so does what is derived from it. The order may come before the digest was pushed: until the
/// tag is known to have had it, everything stays covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fixed {
    /// The bans, each of a tag.
    pub bans: BanSelector,
    /// The first clean digest of the tag.
    pub digest: Digest,
    /// Why it is clean.
    pub reason: String,
}

/// A declared remedy, ordered for a ban that named none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemedyOrder {
    /// The ban whose containers are meant.
    pub ban: Sequence,
    /// The declared remedy.
    pub remedy: Name,
}

/// Something that is built: source, place of publication, and whom to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its name.
    pub name: Name,
    /// The git repository.
    pub source: String,
    /// The branch that is built.
    pub branch: String,
    /// The definition's path in the repository.
    pub definition: String,
    /// Where the image is published; always has a tag.
    pub image: ImageRef,
    /// The lint policy; the built-in one where none is given.
    pub policy: Option<Name>,
    /// Where the team's notices are posted.
    pub webhook: Option<String>,
}

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a name; use 1 to 63 lower-case letters, digits and inner hyphens")]
pub struct InvalidName(pub String);

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = !text.starts_with('-') && !text.ends_with('-');
        if inner && ends && (1..=63).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidName(text.chars().take(100).collect()))
        }
    }
}

impl FromStr for Operator {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        text.parse::<Name>().map(|name| Self(name.0))
    }
}

impl Name {
    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Operator {
    /// The operator's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::High, Self::Critical];

    /// The word used on the wire and for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for BanTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(repository, digest) => write!(f, "{repository}@{digest}"),
            Self::Tag(repository, tag) => write!(f, "{repository}:{tag}"),
            Self::Layer(layer) => write!(f, "layer {layer}"),
        }
    }
}
