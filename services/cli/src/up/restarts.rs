//! When a process is started again: ever more slowly while it keeps ending.

use std::time::Duration;

/// Between an end and the next start: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A process that lived this long begins with the first pause again.
const STABLE: Duration = Duration::from_secs(20);

/// How often a process was started again without having lived long in between.
#[derive(Debug, Default)]
pub(super) struct Restarts(u32);

impl Restarts {
    /// The number of the next attempt, and how long to wait before it, when the last process lived for so long.
    pub(super) fn next(&mut self, lived: Duration) -> (u32, Duration) {
        self.0 = if lived > STABLE { 1 } else { self.0.saturating_add(1) };
        let doublings = (self.0 - 1).min(16);
        (self.0, (PAUSE.0 * 2_u32.pow(doublings)).min(PAUSE.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_a_process_has_lived() {
        let mut restarts = Restarts::default();
        let short = Duration::from_secs(1);
        let seen: Vec<_> = (0..7).map(|_| restarts.next(short).1.as_millis()).collect();
        assert_eq!(seen, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        assert_eq!(restarts.next(STABLE + short), (1, PAUSE.0));
    }
}
