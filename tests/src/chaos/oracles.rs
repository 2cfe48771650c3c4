//! What must hold whatever fails: judged from the history alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

use events::topology::Role;

use super::{
    history::{Check, History, Injected, Meaning, Order},
    schedule::{Fault, Part, Signal},
};

/// How long a role may take to be back, without counting the time in which something else failed.
pub const RECOVERY: Duration = Duration::from_secs(30);
/// How long the answer to an order may take in 99 of 100 cases while nothing on its way fails.
pub const ACCEPTED: Duration = Duration::from_secs(1);
/// What a check may add to the age: it is asked at one moment and judged at another.
const SLACK: Duration = Duration::from_secs(2);

/// For how long an order that was not acknowledged may still be on its way.
const LATE: Duration = Duration::from_secs(60);

/// A claim that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The claim.
    pub oracle: Oracle,
    /// What was seen.
    pub seen: String,
}

/// The claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Oracle {
    /// Every role is back in time.
    Recovery,
    /// No check is allowed against an order that the gate has to know.
    Enforcement,
    /// Every build that could succeed did.
    Builds,
    /// Nothing is published twice.
    Once,
    /// Orders are answered in time.
    Acceptance,
    /// Nothing that was acknowledged is lost.
    Durability,
}

/// How a fault ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// What failed.
    pub fault: Fault,
    /// When it began.
    pub from: Duration,
    /// How long it lasted.
    pub lasted: Duration,
    /// How long after its end every role answered, and an order that was given since where the broker was meant; none where that did not come.
    pub after: Option<Duration>,
    /// The part of that in which nothing else failed.
    pub undisturbed: Duration,
}

/// How long orders took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Latency {
    /// How many were looked at.
    pub count: usize,
    /// The median.
    pub median: Duration,
    /// In 99 of 100 cases.
    pub p99: Duration,
    /// The worst.
    pub worst: Duration,
}

/// How every fault ended, by its beginning.
pub fn recoveries(history: &History) -> Vec<Recovery> {
    history.injected.iter().map(|injected| recovery(history, injected)).collect()
}

fn recovery(history: &History, injected: &Injected) -> Recovery {
    let answering =
        history.looks.iter().find(|look| look.at >= injected.to && is_back(injected, &look.answered));
    let back = match (answering, taking_orders(history, injected)) {
        (Some(look), Ok(ordered)) => Some(ordered.map_or(look.at, |at| at.max(look.at))),
        (None, _) | (_, Err(Stuck)) => None,
    };
    let last = history.looks.last().map_or(injected.to, |look| look.at.max(injected.to));
    Recovery {
        fault: injected.fault,
        from: injected.from,
        lasted: injected.to.saturating_sub(injected.from),
        after: back.map(|back| back.saturating_sub(injected.to)),
        undisturbed: undisturbed(history, injected, back.unwrap_or(last)),
    }
}

/// Orders are given and not answered.
struct Stuck;

/// When an order was answered that was given after a fault of the broker: that its processes answer questions says little of what it can store. None where there
/// was no such order.
fn taking_orders(history: &History, injected: &Injected) -> Result<Option<Duration>, Stuck> {
    if !matches!(injected.fault, Fault::Disk | Fault::Signal(Part::Broker, _)) {
        return Ok(None);
    }
    let mut given = history.orders.iter().filter(|order| order.sent >= injected.to).peekable();
    if given.peek().is_none() {
        return Ok(None);
    }
    given.filter_map(|order| order.answered).min().map(Some).ok_or(Stuck)
}

/// Every role answers, and the one that was ended is another process.
fn is_back(injected: &Injected, answered: &BTreeMap<Role, String>) -> bool {
    let replaced = match injected.fault {
        Fault::Signal(Part::Role(role), Signal::Term | Signal::Kill) => {
            injected.ended.is_none() || answered.get(&role) != injected.ended.as_ref()
        }
        _ => true,
    };
    replaced && Role::ALL.iter().all(|role| answered.contains_key(role))
}

/// The time from a fault's end until then in which no other one was going on.
fn undisturbed(history: &History, injected: &Injected, until: Duration) -> Duration {
    let mut spans: Vec<(Duration, Duration)> = history
        .injected
        .iter()
        .map(|other| (other.from.max(injected.to), other.to.min(until)))
        .filter(|(from, to)| from < to)
        .collect();
    spans.sort_unstable();
    let (mut disturbed, mut reached) = (Duration::ZERO, injected.to);
    for (from, to) in spans {
        disturbed += to.saturating_sub(from.max(reached));
        reached = reached.max(to);
    }
    until.saturating_sub(injected.to).saturating_sub(disturbed)
}

/// How long orders took that were given and answered while the broker was not touched; with `both`, the invalidator neither.
pub fn latency(history: &History, both: bool) -> Latency {
    let touched: Vec<(Duration, Duration)> = history
        .injected
        .iter()
        .filter(|injected| match injected.fault {
            Fault::Disk | Fault::Signal(Part::Broker, _) => true,
            Fault::Signal(Part::Role(Role::Invalidator), _) => both,
            Fault::Signal(..) | Fault::Link | Fault::Registry(_) | Fault::GitHost => false,
        })
        .map(|injected| {
            let after = recovery(history, injected).after.unwrap_or(Duration::MAX);
            (injected.from, injected.to.saturating_add(after))
        })
        .collect();
    let mut took: Vec<Duration> = history
        .orders
        .iter()
        .filter_map(|order| Some((order.stored?, order.answered?)))
        .filter(|(stored, answered)| touched.iter().all(|(from, to)| answered < from || stored > to))
        .map(|(stored, answered)| answered.saturating_sub(stored))
        .collect();
    took.sort_unstable();
    // The smallest value that so many of a hundred do not exceed.
    let rank = |percent: usize| took.len().saturating_mul(percent).div_ceil(100).saturating_sub(1);
    let at = |rank: usize| took.get(rank).copied().unwrap_or_default();
    Latency { count: took.len(), median: at(rank(50)), p99: at(rank(99)), worst: at(rank(100)) }
}

/// Every claim that does not hold.
pub fn violations(history: &History) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut violated = |oracle, seen| found.push(Violation { oracle, seen });
    for recovery in recoveries(history) {
        let Recovery { fault, from, after, undisturbed, .. } = &recovery;
        let at = from.as_secs_f64();
        match after {
            Some(after) if *undisturbed > RECOVERY => violated(
                Oracle::Recovery,
                format!(
                    "{fault} at {at:.1} s: back {:.1} s after its end, {:.1} s of it with nothing else failing",
                    after.as_secs_f64(),
                    undisturbed.as_secs_f64()
                ),
            ),
            None if *undisturbed > RECOVERY => {
                violated(
                    Oracle::Recovery,
                    format!("{fault} at {at:.1} s: {} never came back", absent(history)),
                );
            }
            Some(_) | None => {}
        }
    }
    for check in &history.checks {
        if let Some(order) = ignored(history, check) {
            let (sequence, acknowledged) = order.acknowledged.unwrap_or_default();
            violated(
                Oracle::Enforcement,
                format!(
                    "{} at {:.1} s for {}, banned by order {sequence}, which was acknowledged at {:.1} s",
                    check.decision,
                    check.from.as_secs_f64(),
                    check.image,
                    acknowledged.as_secs_f64()
                ),
            );
        }
    }
    for head in history.heads.iter().filter(|head| head.built.as_deref() != Some(&head.pushed)) {
        let built = head.built.as_deref().unwrap_or("nothing");
        violated(Oracle::Builds, format!("{}: pushed is {}, built is {built}", head.project, head.pushed));
    }
    let mut publications: BTreeMap<(&str, &str, u64), usize> = BTreeMap::new();
    for published in &history.published {
        *publications.entry((&published.project, &published.commit, published.ban)).or_default() += 1;
    }
    for ((project, commit, ban), count) in publications.into_iter().filter(|(_, count)| *count > 1) {
        let cause = if ban == 0 { "a push".to_owned() } else { format!("ban {ban}") };
        violated(Oracle::Once, format!("{project}: {commit} was published {count} times for {cause}"));
    }
    let Latency { p99, count, worst, .. } = latency(history, true);
    if p99 > ACCEPTED || count == 0 {
        violated(
            Oracle::Acceptance,
            format!(
                "p99 of {count} orders is {:.2} s, the worst {:.2} s",
                p99.as_secs_f64(),
                worst.as_secs_f64()
            ),
        );
    }
    for order in &history.orders {
        let Some((sequence, at)) = order.acknowledged else { continue };
        let at = at.as_secs_f64();
        if order.stored.is_none() {
            violated(
                Oracle::Durability,
                format!("order {sequence}, acknowledged at {at:.1} s, is not stored"),
            );
        } else if order.answered.is_none() {
            violated(
                Oracle::Durability,
                format!("order {sequence}, acknowledged at {at:.1} s, was never answered"),
            );
        }
    }
    found
}

/// The roles that did not answer in the last look.
fn absent(history: &History) -> String {
    let answered: BTreeSet<Role> =
        history.looks.last().map(|look| look.answered.keys().copied().collect()).unwrap_or_default();
    let absent = Role::ALL.into_iter().filter(|role| !answered.contains(role));
    let absent: Vec<String> = absent.map(|role| role.to_string()).collect();
    if absent.is_empty() { "all roles, but not as another process,".to_owned() } else { absent.join(", ") }
}

/// The ban that this check should have been refused by.
fn ignored<'h>(history: &'h History, check: &Check) -> Option<&'h Order> {
    if check.decision == "refuse" {
        return None;
    }
    let known_since = check.from.checked_sub(history.max_age + SLACK)?;
    history.orders.iter().find(|order| {
        let Meaning::Ban(target) = &order.meaning else { return false };
        let covers = history.covers.get(target).is_some_and(|images| images.contains(&check.image));
        let known = order.acknowledged.is_some_and(|(_, at)| at <= known_since) && !order.rejected;
        let lifted = history.orders.iter().any(|lift| {
            // Without an acknowledgement it may have been stored at any time while the broker took nothing.
            let late = if lift.acknowledged.is_none() { LATE } else { Duration::ZERO };
            lift.meaning == Meaning::Lift(target.clone())
                && lift.sent <= check.to
                && lift.sent + late >= order.sent
        });
        covers && known && !lifted
    })
}

impl fmt::Display for Oracle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Recovery => "every role is back in time",
            Self::Enforcement => "no check is allowed against an order that the gate has to know",
            Self::Builds => "every build that could succeed did",
            Self::Once => "nothing is published twice",
            Self::Acceptance => "orders are answered in time",
            Self::Durability => "nothing that was acknowledged is lost",
        })
    }
}

#[cfg(test)]
mod tests;
