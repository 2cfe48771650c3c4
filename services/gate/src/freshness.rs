//! How old what this gate knows may be at each enforcement point, and what is done past that. The measuring is the service's, the deciding `verdict`'s.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use artifact::Digest;
use serde::{Deserialize, Deserializer, de::Error as _};
use verdict::{Aged, Door, OnStale, StalePolicy};

use crate::memory::Memory;

/// The `[gate.freshness]` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    max_age_secs: Option<u64>,
    #[serde(deserialize_with = "on_stale")]
    on_stale: Option<OnStale>,
    #[serde(deserialize_with = "digests")]
    exempt: BTreeSet<Digest>,
    from: Point,
    push: Point,
    pull: Point,
    create: Point,
    start: Point,
    check: Point,
}

/// What one enforcement point has of its own.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Point {
    max_age_secs: Option<u64>,
    #[serde(deserialize_with = "on_stale")]
    on_stale: Option<OnStale>,
}

/// The policies, and the age that they are held against.
#[derive(Debug)]
pub(crate) struct Freshness {
    policies: BTreeMap<Door, StalePolicy>,
    measured: service::Freshness,
    memory: Memory,
}

impl Freshness {
    pub(crate) fn new(config: &Config, measured: service::Freshness, memory: Memory) -> Self {
        let policies = Door::ALL.iter().map(|door| (*door, config.policy(*door))).collect();
        Self { policies, measured, memory }
    }

    /// What the enforcement point is held to.
    pub(crate) fn policy(&self, door: Door) -> StalePolicy {
        self.policies.get(&door).cloned().unwrap_or_default()
    }

    /// How old what this gate has read is.
    pub(crate) fn age(&self) -> Option<Duration> {
        self.measured.age(self.memory.applied())
    }

    /// The age where it is too much for at least one enforcement point.
    pub(crate) fn stale(&self) -> Option<Aged> {
        let age = self.age();
        let strictest = self.policies.values().min_by_key(|policy| policy.max_age)?;
        Some(strictest.aged(age)).filter(Aged::is_stale)
    }
}

impl Config {
    fn policy(&self, door: Door) -> StalePolicy {
        let point = match door {
            Door::From => self.from,
            Door::Push => self.push,
            Door::Pull => self.pull,
            Door::Create => self.create,
            Door::Start => self.start,
            Door::Check => self.check,
        };
        let max_age = point.max_age_secs.or(self.max_age_secs).map(Duration::from_secs);
        StalePolicy {
            max_age: max_age.unwrap_or(verdict::decide::MAX_AGE),
            on_stale: point.on_stale.or(self.on_stale).unwrap_or_default(),
            exempt: self.exempt.clone(),
        }
    }
}

fn on_stale<'de, D: Deserializer<'de>>(input: D) -> Result<Option<OnStale>, D::Error> {
    String::deserialize(input)?.parse().map(Some).map_err(D::Error::custom)
}

fn digests<'de, D: Deserializer<'de>>(input: D) -> Result<BTreeSet<Digest>, D::Error> {
    let texts = Vec::<String>::deserialize(input)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(|error| D::Error::custom(format!("exempt: {error}"))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str, door: Door) -> StalePolicy {
        toml::from_str::<Config>(text).unwrap().policy(door)
    }

    #[test]
    fn a_point_has_what_it_is_given_and_else_what_all_have() {
        let text = "max_age_secs = 30\non_stale = \"closed\"\n[start]\non_stale = \"open\"\n[pull]\nmax_age_secs = 5\n";
        let of = |door| {
            let StalePolicy { max_age, on_stale, .. } = policy(text, door);
            (max_age.as_secs(), on_stale)
        };
        assert_eq!(of(Door::Create), (30, OnStale::Closed));
        assert_eq!(of(Door::Start), (30, OnStale::Open));
        assert_eq!(of(Door::Pull), (5, OnStale::Closed));
        assert_eq!(policy("", Door::Start), StalePolicy::default());
    }

    #[test]
    fn what_is_no_policy_and_no_digest_is_a_mistake() {
        for text in
            ["on_stale = \"ajar\"", "exempt = [\"nats:2\"]", "[stop]\nmax_age_secs = 1", "max_age = 1"]
        {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
    }
}
