//! Everything fails in an order that a seed decides, while orders, pushes and checks go on; and what must hold all the same.
//!
//! Decided without any part: [`schedule`] says what fails and when, [`oracles`] judge a [`history`]. The rest starts the parts, makes them
//! fail and records.

pub mod history;
pub mod oracles;
pub mod report;
pub mod run;
pub mod schedule;

mod inject;
mod records;
mod watch;
mod workload;
mod yard;

use std::time::{Duration, Instant};

use time::OffsetDateTime;

/// Times of a run, counted from its beginning.
#[derive(Debug, Clone, Copy)]
struct Clock {
    started: Instant,
    /// The same moment by the clock that the broker writes down.
    started_at: OffsetDateTime,
}

impl Clock {
    fn start() -> Self {
        Self { started: Instant::now(), started_at: OffsetDateTime::now_utc() }
    }

    fn now(self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until the run reaches this time. The plan's times are the only thing in a run that is waited for by the clock.
    async fn reach(self, at: Duration) {
        tokio::time::sleep_until((self.started + at).into()).await;
    }

    /// The broker's time; what was before the beginning is the beginning.
    fn at(self, time: OffsetDateTime) -> Duration {
        (time - self.started_at).try_into().unwrap_or_default()
    }
}
