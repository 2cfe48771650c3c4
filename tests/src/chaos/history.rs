//! What happened in a run, as far as the oracles ask. All times are counted from the run's beginning.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use events::topology::Role;

use super::schedule::Fault;

/// Everything that was recorded.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// How old the state may be that a gate answers from.
    pub max_age: Duration,
    /// The faults, by their beginning.
    pub injected: Vec<Injected>,
    /// Who answered, by time.
    pub looks: Vec<Look>,
    /// The orders, as they were given.
    pub orders: Vec<Order>,
    /// The gate's answers.
    pub checks: Vec<Check>,
    /// The builds that ended with a publication.
    pub published: Vec<Published>,
    /// Where each project stands at the end.
    pub heads: Vec<Head>,
    /// What each target covers: images that must be refused while it is banned.
    pub covers: BTreeMap<String, BTreeSet<String>>,
}

/// A fault that took place.
#[derive(Debug, Clone)]
pub struct Injected {
    /// What failed.
    pub fault: Fault,
    /// When it began.
    pub from: Duration,
    /// When it ended.
    pub to: Duration,
    /// The instance that was ended: only another one counts as being back.
    pub ended: Option<String>,
}

/// Which roles answered `$SRV.PING` at one moment, each with its instance.
#[derive(Debug, Clone)]
pub struct Look {
    /// When they were asked.
    pub at: Duration,
    /// By role.
    pub answered: BTreeMap<Role, String>,
}

/// What an order is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// This target is banned.
    Ban(String),
    /// This target's bans are lifted.
    Lift(String),
    /// Neither.
    Other,
}

/// An order.
#[derive(Debug, Clone)]
pub struct Order {
    /// What it is about.
    pub meaning: Meaning,
    /// When it was put on its way. Without an acknowledgement it may have been stored or not.
    pub sent: Duration,
    /// Its sequence and when the acknowledgement came.
    pub acknowledged: Option<(u64, Duration)>,
    /// When the broker stored it.
    pub stored: Option<Duration>,
    /// When the broker stored the answer.
    pub answered: Option<Duration>,
    /// Whether the answer was that it changes nothing.
    pub rejected: bool,
}

/// A gate's answer. No answer is an answer of its own: the asker does not start anything.
#[derive(Debug, Clone)]
pub struct Check {
    /// The image.
    pub image: String,
    /// When it was asked.
    pub from: Duration,
    /// When it was answered.
    pub to: Duration,
    /// The decision's word: allow, warn or refuse.
    pub decision: String,
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// The project.
    pub project: String,
    /// The commit.
    pub commit: String,
    /// The ban that caused it; 0 where it was a push.
    pub ban: u64,
    /// The image.
    pub digest: String,
}

/// A project at the end.
#[derive(Debug, Clone)]
pub struct Head {
    /// The project.
    pub project: String,
    /// The last commit that was pushed.
    pub pushed: String,
    /// The commit of the image that its tag points at; none where there is no image.
    pub built: Option<String>,
}
