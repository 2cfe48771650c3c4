//! What fails, when, and for how long: a function of the seed. Not how it is made to fail.

use std::{fmt, time::Duration};

use events::topology::Role;

/// A process that can be signalled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A role.
    Role(Role),
    /// The broker.
    Broker,
}

/// What is done to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGTERM.
    Term,
    /// SIGKILL.
    Kill,
    /// SIGSTOP, and SIGCONT at the end.
    Stop,
}

/// What the registry does in place of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// A status.
    Status(u16),
    /// Nothing.
    Silence,
}

/// One fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A process is signalled.
    Signal(Part, Signal),
    /// The link between the node and the broker carries nothing.
    Link,
    /// The disk of the data folder is full.
    Disk,
    /// The registry answers so.
    Registry(Answer),
    /// A git host accepts connections and answers nothing.
    GitHost,
}

/// A fault with its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// What fails.
    pub fault: Fault,
    /// When, from the beginning of the run.
    pub from: Duration,
    /// For how long; nothing where a signal ends a process.
    pub lasts: Duration,
}

/// Before the first fault: the oracles need something to compare with.
const QUIET: Duration = Duration::from_secs(5);
/// Between two beginnings, in milliseconds. Shorter than most faults last, so that some overlap.
const GAP_MS: (u64, u64) = (3_000, 14_000);

impl Fault {
    /// Every fault there is.
    pub fn all() -> Vec<Self> {
        let parts = Role::ALL.into_iter().map(Part::Role).chain([Part::Broker]);
        let signals = parts.flat_map(|part| {
            [Signal::Term, Signal::Kill, Signal::Stop].map(|signal| Self::Signal(part, signal))
        });
        let answers = [401, 429, 500].map(Answer::Status).into_iter().chain([Answer::Silence]);
        signals.chain(answers.map(Self::Registry)).chain([Self::Link, Self::Disk, Self::GitHost]).collect()
    }

    /// How long it may last, in milliseconds.
    fn lasts_ms(self) -> (u64, u64) {
        match self {
            Self::Signal(_, Signal::Term | Signal::Kill) => (0, 0),
            // Some are shorter than a supervisor's patience, and some longer.
            Self::Signal(_, Signal::Stop) => (2_000, 14_000),
            Self::Link => (12_000, 30_000),
            Self::Disk => (5_000, 15_000),
            Self::Registry(_) => (4_000, 15_000),
            Self::GitHost => (10_000, 30_000),
        }
    }

    /// Whether two faults would undo each other: the end of one is the end of both.
    fn collides(self, other: Self) -> bool {
        match (self, other) {
            (Self::Signal(one, _), Self::Signal(two, _)) => one == two,
            (Self::Registry(_), Self::Registry(_)) => true,
            _ => self == other,
        }
    }
}

impl Planned {
    /// When it ends.
    pub fn to(&self) -> Duration {
        self.from + self.lasts
    }
}

/// The faults of a run that lasts `length`, by their beginning, each one of `kinds`. None is still going on at its end; every kind comes once before any comes again.
pub fn schedule(seed: u64, length: Duration, kinds: &[Fault]) -> Vec<Planned> {
    let mut dice = Dice::new(seed);
    let mut planned: Vec<Planned> = Vec::new();
    let mut deck = Vec::new();
    let mut from = QUIET;
    while !kinds.is_empty() && from < length {
        if deck.is_empty() {
            deck = kinds.to_vec();
            dice.shuffle(&mut deck);
        }
        let free =
            |fault: &Fault| planned.iter().all(|other| other.to() <= from || !other.fault.collides(*fault));
        // The one that is drawn waits where it would undo another.
        let Some(fault) = deck.iter().rposition(free).map(|at| deck.remove(at)) else {
            from += Duration::from_secs(1);
            continue;
        };
        let (least, most) = fault.lasts_ms();
        let next = Planned { fault, from, lasts: Duration::from_millis(dice.between(least, most)) };
        if next.to() > length {
            return planned;
        }
        planned.push(next);
        from += Duration::from_millis(dice.between(GAP_MS.0, GAP_MS.1));
    }
    planned
}

/// Numbers from a seed: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `least` to `most`, both included.
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        let width = most.saturating_sub(least).saturating_add(1);
        least + self.roll().checked_rem(width).unwrap_or_default()
    }

    /// One of them; none where there is none.
    pub fn pick<'t, T>(&mut self, from: &'t [T]) -> Option<&'t T> {
        let last = u64::try_from(from.len()).ok()?.checked_sub(1)?;
        from.get(usize::try_from(self.between(0, last)).ok()?)
    }

    fn shuffle<T>(&mut self, cards: &mut [T]) {
        for last in (1..cards.len()).rev() {
            let other = usize::try_from(self.between(0, u64::try_from(last).unwrap_or_default()));
            cards.swap(last, other.unwrap_or_default());
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(role) => role.fmt(f),
            Self::Broker => f.write_str("broker"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(part, Signal::Term) => write!(f, "SIGTERM {part}"),
            Self::Signal(part, Signal::Kill) => write!(f, "SIGKILL {part}"),
            Self::Signal(part, Signal::Stop) => write!(f, "SIGSTOP {part}"),
            Self::Link => f.write_str("link frozen"),
            Self::Disk => f.write_str("disk full"),
            Self::Registry(Answer::Status(status)) => write!(f, "registry {status}"),
            Self::Registry(Answer::Silence) => f.write_str("registry silent"),
            Self::GitHost => f.write_str("git host hangs"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_secs(600);

    fn of_all(seed: u64, length: Duration) -> Vec<Planned> {
        schedule(seed, length, &Fault::all())
    }

    #[test]
    fn a_seed_says_it_all() {
        assert_eq!(of_all(7, LENGTH), of_all(7, LENGTH));
        assert_ne!(of_all(7, LENGTH), of_all(8, LENGTH));
    }

    #[test]
    fn ten_minutes_have_every_fault_and_some_overlap() {
        for seed in 0..50 {
            let planned = of_all(seed, LENGTH);
            let missing: Vec<_> = Fault::all()
                .into_iter()
                .filter(|fault| !planned.iter().any(|planned| planned.fault == *fault))
                .collect();
            assert!(missing.is_empty(), "seed {seed}: {missing:?}");
            assert!(planned.windows(2).any(|pair| pair[0].to() > pair[1].from), "seed {seed}");
            assert!(planned.iter().all(|planned| planned.to() <= LENGTH), "seed {seed}");
        }
    }

    #[test]
    fn no_fault_ends_another() {
        for seed in 0..50 {
            let planned = of_all(seed, LENGTH);
            for (index, one) in planned.iter().enumerate() {
                for other in &planned[index + 1..] {
                    let overlap = other.from < one.to() && one.fault.collides(other.fault);
                    assert!(!overlap, "seed {seed}: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn some_kinds_alone_can_be_tried() {
        let kinds = [Fault::Disk, Fault::Link];
        let planned = schedule(1, LENGTH, &kinds);
        assert!(planned.len() > 10 && planned.iter().all(|planned| kinds.contains(&planned.fault)));
        assert!(schedule(1, LENGTH, &[]).is_empty());
    }

    #[test]
    fn a_short_run_has_few() {
        assert!(of_all(1, Duration::from_secs(1)).is_empty());
        let planned = of_all(1, Duration::from_secs(40));
        assert!((2..15).contains(&planned.len()), "{planned:?}");
    }
}
