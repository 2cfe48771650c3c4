//! A tag read as a version and a suffix, and the step from one to the next. Not which steps a catalog allows.
//!
//! `tag := ["v"] number ("." number)* [letters] ["-" suffix]`, or a release's code name in the place of the numbers
//! (`bookworm-20240110-slim`). The suffix says for what a version is made (`-alpine`), so it is compared as it stands and never changed; the
//! number of components says how precise the writer wanted to be, so `1.1` is followed by `1.2` and never by `1.2.0`. These are
//! Renovate's rules for Docker tags (<https://docs.renovatebot.com/docker/>).

mod codename;
mod range;

use std::cmp::Ordering;

use artifact::Tag;

use self::codename::Family;
pub use self::range::{InvalidVersionRule, VersionRule};

/// A tag's version. Tags without one (`latest`) float, and nobody can tell which of two is older.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    scheme: Scheme,
    /// At least one.
    numbers: Vec<u64>,
    /// Letters behind the numbers or a suffix such as `rc1`: not released yet.
    prerelease: Option<String>,
    suffix: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Numbers,
    /// Numbers behind a `v`.
    Lettered,
    Codename(Family),
}

/// Whether a step may lead to another major version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Majors {
    /// The first component stays.
    Kept,
    /// Any newer version will do.
    Crossed,
}

/// What opens a suffix that says "not released yet".
const PRERELEASES: [&str; 13] = [
    "alpha", "beta", "rc", "pre", "preview", "dev", "snapshot", "nightly", "canary", "ea", "m", "test",
    "next",
];

impl Version {
    /// Reads a tag; none where it holds no version.
    pub fn of(tag: &Tag) -> Option<Self> {
        Self::read(tag.as_str())
    }

    fn read(text: &str) -> Option<Self> {
        if is_commit(text) {
            return None;
        }
        let (head, rest) = text.split_once('-').map_or((text, ""), |(head, rest)| (head, rest));
        if let Some((family, index)) = codename::named(head) {
            let (stamp, suffix) = rest.split_once('-').unwrap_or((rest, ""));
            let is_stamp = stamp.len() == 8 && stamp.bytes().all(|b| b.is_ascii_digit());
            let numbers = [index].into_iter().chain(stamp.parse().ok().filter(|_| is_stamp)).collect();
            let suffix = if is_stamp { suffix } else { rest }.to_owned();
            return Some(Self { scheme: Scheme::Codename(family), numbers, prerelease: None, suffix });
        }
        let (scheme, head) = match head.strip_prefix('v') {
            Some(numbers) => (Scheme::Lettered, numbers),
            None => (Scheme::Numbers, head),
        };
        let digits = head.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(head.len());
        let (numbers, letters) = head.split_at_checked(digits)?;
        let numbers: Vec<u64> = numbers
            .split('.')
            .map(str::parse)
            .collect::<Result<_, _>>()
            .ok()
            .filter(|_| !letters.contains('.'))?;
        let (prerelease, suffix) = match (letters, prerelease(rest)) {
            ("", Some((prerelease, suffix))) => (Some(prerelease), suffix),
            ("", None) => (None, rest),
            (letters, _) => (Some(letters), rest),
        };
        Some(Self { scheme, numbers, prerelease: prerelease.map(str::to_owned), suffix: suffix.to_owned() })
    }

    /// Whether it is not released yet.
    pub fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    /// How it compares to `other`, whatever the two are made for; none where they count in different ways.
    pub fn age(&self, other: &Self) -> Option<Ordering> {
        let release = |version: &Self| version.prerelease.is_none();
        (self.scheme == other.scheme).then(|| {
            order(&self.numbers, &other.numbers)
                .then_with(|| release(self).cmp(&release(other)))
                .then_with(|| natural(&self.prerelease).cmp(&natural(&other.prerelease)))
        })
    }

    /// Whether `other` is made for the same, named as precisely, and released; newer or not.
    pub fn is_like(&self, other: &Self, majors: Majors) -> bool {
        let Self { scheme, numbers, prerelease, suffix } = self;
        *scheme == other.scheme
            && numbers.len() == other.numbers.len()
            && *suffix == other.suffix
            && (prerelease.is_some() || !other.is_prerelease())
            && (majors == Majors::Crossed || numbers.first() == other.numbers.first())
    }

    /// Whether who wrote this version may get `other` without noticing more than that it is newer.
    pub fn steps_to(&self, other: &Self, majors: Majors) -> bool {
        self.age(other) == Some(Ordering::Less) && self.is_like(other, majors)
    }
}

/// Components compare as numbers, and a missing one is zero.
fn order(one: &[u64], other: &[u64]) -> Ordering {
    let length = one.len().max(other.len());
    let padded = |numbers: &[u64]| -> Vec<u64> {
        numbers.iter().copied().chain(std::iter::repeat(0)).take(length).collect()
    };
    padded(one).cmp(&padded(other))
}

/// Digits compare as numbers, the rest as text: `rc2` stands before `rc10`.
fn natural(text: &Option<String>) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = text.as_deref().unwrap_or_default();
    while !rest.is_empty() {
        let letters = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let (word, behind) = rest.split_at_checked(letters).unwrap_or((rest, ""));
        let digits = behind.find(|c: char| !c.is_ascii_digit()).unwrap_or(behind.len());
        let (number, behind) = behind.split_at_checked(digits).unwrap_or((behind, ""));
        parts.push((word.to_owned(), number.parse().unwrap_or_default()));
        rest = behind;
    }
    parts
}

/// The part of a suffix that says "not released yet", and what is left of it.
fn prerelease(suffix: &str) -> Option<(&str, &str)> {
    let (first, rest) = suffix.split_once('-').unwrap_or((suffix, ""));
    let word = first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    PRERELEASES.iter().any(|known| word.eq_ignore_ascii_case(known)).then_some((first, rest))
}

/// A commit's hash is no version, though it may begin with digits.
fn is_commit(text: &str) -> bool {
    let hex = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    (7..=40).contains(&text.len()) && hex && text.bytes().any(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
