//! What an operator may set of how policies are asked. What cannot work is named when it is read, not by policies that all fail.

use std::{fmt::Display, ops::RangeInclusive};

use serde::{Deserialize, Deserializer, de::Error as _};

/// Below, no child starts: its stack takes 128 MiB, the program and its threads' arenas the rest. Above, nothing is bounded.
const MEMORY_MIB: RangeInclusive<u64> = 256..=65_536;
/// A policy that computes for ten minutes is broken.
const PROCESSOR_SECONDS: RangeInclusive<u64> = 1..=600;
/// Nobody waits for an hour.
const ANSWER_SECONDS: RangeInclusive<u64> = 1..=3_600;
/// More than machines have processors.
const AT_ONCE: RangeInclusive<usize> = 1..=256;

/// What one evaluation may take. An operator's own policies seldom take a hundredth of it.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Address space of the child, in MiB; its stack takes 128 of them.
    #[serde(deserialize_with = "memory_mib")]
    pub memory_mib: u64,
    /// Processor time, in seconds.
    #[serde(deserialize_with = "processor_seconds")]
    pub processor_seconds: u64,
    /// Time until it must have answered, in seconds; a busy machine gives a child less than one processor.
    #[serde(deserialize_with = "answer_seconds")]
    pub answer_seconds: u64,
    /// Children at the same time.
    #[serde(deserialize_with = "at_once")]
    pub at_once: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { memory_mib: 512, processor_seconds: 2, answer_seconds: 10, at_once: 4 }
    }
}

fn memory_mib<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &MEMORY_MIB)
}

fn processor_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &PROCESSOR_SECONDS)
}

fn answer_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    within(deserializer, &ANSWER_SECONDS)
}

fn at_once<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    within(deserializer, &AT_ONCE)
}

fn within<'de, D, N>(deserializer: D, range: &RangeInclusive<N>) -> Result<N, D::Error>
where
    D: Deserializer<'de>,
    N: Deserialize<'de> + PartialOrd + Display,
{
    let number = N::deserialize(deserializer)?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(D::Error::custom(format!(
        "{number} cannot work; write a number from {} to {}",
        range.start(),
        range.end()
    )))
}
