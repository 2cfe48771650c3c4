//! How old is what somebody holds of ORDERS and RESOLUTIONS? Not what is done about it: that is `decide::stale`.

use std::{collections::VecDeque, time::Duration};

use time::OffsetDateTime;

use crate::snapshot::AsOf;

/// Heartbeats whose sequences are not applied yet. More of them are more than four minutes of a stalled mirror, which is stale by then.
const WAITING: usize = 256;

/// How many heartbeats back the fastest one is looked for: a clock that was set is forgotten after a minute.
const OFFSETS: usize = 60;

/// How far the streams reached when it was issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The start of the issuing process: a later one has a higher term.
    pub term: u64,
    /// Counts the heartbeats of a term.
    pub counter: u64,
    /// By the issuer's clock, before it asked how far the streams reach.
    pub issued_at: OffsetDateTime,
    /// How far they reached.
    pub reached: AsOf,
}

/// A moment by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// By a clock that cannot be set and that counts time asleep (`CLOCK_BOOTTIME`).
    pub since_boot: Duration,
    /// By the wall clock.
    pub wall: OffsetDateTime,
}

/// Tells the age of what a holder has applied, from the heartbeats that it received.
///
/// The age is counted from the issue of the newest heartbeat whose sequences are applied. It grows when heartbeats stay away (a cut link, a
/// stopped broker, a dead issuer), when they arrive late, and when what they speak of does not arrive (a stalled mirror).
#[derive(Debug, Clone, Default)]
pub struct Freshness {
    newest: (u64, u64),
    issued: VecDeque<Issued>,
    /// From the issue by the issuer's clock to the receipt by ours, newest last: delay and difference of the two clocks together.
    offsets: VecDeque<time::Duration>,
}

/// At some moment the streams reached so far.
#[derive(Debug, Clone, Copy)]
struct Issued {
    reached: AsOf,
    /// Since boot; before it where a heartbeat is older than this machine is up.
    at: time::Duration,
}

impl Freshness {
    /// Takes in a heartbeat, unless it is no newer than one before. `applied` is how far the holder is.
    ///
    /// The two machines' clocks may differ, so the delay is measured against the fastest of the last heartbeats.
    pub fn receive(&mut self, heartbeat: &Heartbeat, received: Moment, applied: AsOf) {
        let place = (heartbeat.term, heartbeat.counter);
        if place <= self.newest {
            return;
        }
        self.newest = place;
        let offset = received.wall - heartbeat.issued_at;
        self.offsets.push_back(offset);
        if self.offsets.len() > OFFSETS {
            self.offsets.pop_front();
        }
        let fastest = self.offsets.iter().min().copied().unwrap_or(offset);
        self.put(heartbeat.reached, signed(received.since_boot) - (offset - fastest), applied);
    }

    /// Takes in that at the moment `at` (since boot) the streams reached no further than what is `applied` now: the holder has read all that
    /// their origins had stored then.
    pub fn caught_up(&mut self, at: Duration, applied: AsOf) {
        self.put(applied, signed(at), applied);
    }

    /// How old what is `applied` is at `now` (since boot). None before the first heartbeat that is applied.
    pub fn age(&self, applied: AsOf, now: Duration) -> Option<Duration> {
        let at =
            self.issued.iter().filter(|issued| is_applied(issued, applied)).map(|issued| issued.at).max()?;
        Some(Duration::try_from(signed(now) - at).unwrap_or_default())
    }

    fn put(&mut self, reached: AsOf, at: time::Duration, applied: AsOf) {
        match self.issued.back_mut() {
            Some(last) if last.reached == reached => last.at = last.at.max(at),
            _ => self.issued.push_back(Issued { reached, at }),
        }
        let newest =
            self.issued.iter().filter(|issued| is_applied(issued, applied)).map(|issued| issued.at).max();
        self.issued.retain(|issued| !is_applied(issued, applied) || Some(issued.at) == newest);
        if self.issued.len() > WAITING {
            // The first one is the one that is applied.
            self.issued.remove(1);
        }
    }
}

fn is_applied(issued: &Issued, applied: AsOf) -> bool {
    issued.reached.orders <= applied.orders && issued.reached.resolutions <= applied.resolutions
}

fn signed(since_boot: Duration) -> time::Duration {
    time::Duration::try_from(since_boot).unwrap_or(time::Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn reached(orders: u64) -> AsOf {
        AsOf { orders, resolutions: orders }
    }

    /// A holder whose wall clock is ahead of the issuer's by `skew`.
    struct Holder {
        freshness: Freshness,
        counter: u64,
        skew: time::Duration,
    }

    impl Holder {
        fn new(skew: i64) -> Self {
            Self { freshness: Freshness::default(), counter: 0, skew: time::Duration::seconds(skew) }
        }

        fn receives(&mut self, issued: u64, received: u64, orders: u64, applied: u64) {
            self.counter += 1;
            let issued_at = BOOT + seconds(issued);
            let heartbeat = Heartbeat { term: 1, counter: self.counter, issued_at, reached: reached(orders) };
            let received =
                Moment { since_boot: seconds(received), wall: BOOT + seconds(received) + self.skew };
            self.freshness.receive(&heartbeat, received, reached(applied));
        }

        #[track_caller]
        fn check(&self, applied: u64, now: u64, age: Option<u64>) {
            assert_eq!(self.freshness.age(reached(applied), seconds(now)), age.map(seconds));
        }
    }

    #[test]
    fn the_age_grows_while_nothing_arrives() {
        let mut holder = Holder::new(0);
        holder.check(0, 100, None);
        holder.receives(10, 10, 5, 5);
        holder.check(5, 10, Some(0));
        holder.check(5, 70, Some(60));
        // Asleep for an hour: the clock counted it.
        holder.check(5, 3610, Some(3600));
        holder.receives(3611, 3611, 5, 5);
        holder.check(5, 3611, Some(0));
    }

    #[test]
    fn what_is_not_applied_does_not_count() {
        let mut holder = Holder::new(0);
        holder.receives(10, 10, 5, 5);
        for second in 11..400 {
            holder.receives(second, second, second, 5);
        }
        holder.check(5, 400, Some(390));
        // The mirror goes on: as far as it is, so fresh it is.
        holder.check(350, 400, Some(50));
        holder.check(399, 400, Some(1));
        // Only one of the streams is there.
        let half = AsOf { orders: 399, resolutions: 5 };
        assert_eq!(holder.freshness.age(half, seconds(400)), Some(seconds(390)));
    }

    #[test]
    fn a_heartbeat_that_was_held_back_is_as_old_as_it_is() {
        let mut holder = Holder::new(0);
        holder.receives(10, 10, 5, 5);
        // Issued a second later, and held back by a frozen link.
        holder.receives(11, 100, 5, 5);
        holder.check(5, 100, Some(89));
        holder.receives(100, 100, 5, 5);
        holder.check(5, 100, Some(0));
    }

    #[test]
    fn clocks_may_differ() {
        for skew in [-7200, -3, 3, 7200] {
            let mut holder = Holder::new(skew);
            holder.receives(10, 10, 5, 5);
            holder.check(5, 12, Some(2));
            holder.receives(20, 25, 5, 5);
            holder.check(5, 25, Some(5));
        }
    }

    #[test]
    fn a_clock_that_was_set_is_forgotten() {
        let mut holder = Holder::new(0);
        holder.receives(10, 10, 5, 5);
        holder.skew = time::Duration::hours(1);
        for second in 11..=80 {
            holder.receives(second, second, 5, 5);
        }
        holder.check(5, 80, Some(0));
    }

    #[test]
    fn only_newer_heartbeats_are_taken() {
        let mut holder = Holder::new(0);
        holder.receives(10, 10, 5, 5);
        holder.counter = 0;
        holder.receives(20, 20, 5, 5);
        holder.check(5, 20, Some(10));
        // A new term begins to count anew.
        let heartbeat = Heartbeat { term: 2, counter: 1, issued_at: BOOT + seconds(30), reached: reached(5) };
        let received = Moment { since_boot: seconds(30), wall: BOOT + seconds(30) };
        holder.freshness.receive(&heartbeat, received, reached(5));
        holder.check(5, 30, Some(0));
        holder.counter = 100;
        holder.receives(40, 40, 5, 5);
        holder.check(5, 40, Some(10));
    }

    #[test]
    fn catching_up_is_as_fresh_as_the_moment_at_which_it_began() {
        let mut holder = Holder::new(0);
        holder.freshness.caught_up(seconds(10), reached(5));
        holder.check(5, 15, Some(5));
        holder.receives(16, 16, 6, 5);
        holder.check(5, 16, Some(6));
        holder.check(6, 16, Some(0));
    }
}
