//! How old is what this process has read of ORDERS and RESOLUTIONS: heartbeats received, by the clock that counts time asleep. What follows
//! from the age is `verdict`'s business.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};
use time::OffsetDateTime;
use tracing::warn;
use verdict::{
    AsOf,
    freshness::{Freshness as Pure, Moment},
};

use crate::Context;

/// Between two tries to subscribe.
const PAUSE: Duration = Duration::from_secs(1);

/// Tells the age of what is applied; cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Freshness(Arc<Mutex<Pure>>);

impl Freshness {
    /// Receives heartbeats until the context's stop. `applied` says how far the process has read at that moment.
    pub fn follow(context: &Context, applied: impl Fn() -> AsOf + Send + 'static) -> Self {
        let freshness = Self::default();
        let (receiver, connection) = (freshness.clone(), context.connection.clone());
        let receive = async move {
            loop {
                match connection.heartbeats().await {
                    Ok(mut heartbeats) => {
                        while let Some(heartbeat) = heartbeats.next().await {
                            let received =
                                Moment { since_boot: since_boot(), wall: OffsetDateTime::now_utc() };
                            receiver.with(|pure| pure.receive(&heartbeat.into(), received, applied()));
                        }
                    }
                    Err(error) => {
                        warn!(error = %telemetry::Chain(&error), "Heartbeats cannot be subscribed to yet.");
                    }
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        context.tasks.spawn(context.stop.clone().run_until_cancelled_owned(receive));
        freshness
    }

    /// At the moment `opened` ([`since_boot`]) the streams reached no further than what is `applied` now.
    pub fn caught_up(&self, opened: Duration, applied: AsOf) {
        self.with(|pure| pure.caught_up(opened, applied));
    }

    /// Forgets everything: what is read now comes from other streams than what was read before.
    pub fn reset(&self) {
        self.with(|pure| *pure = Pure::default());
    }

    /// How old what is `applied` is now; none before the first heartbeat that is applied.
    pub fn age(&self, applied: AsOf) -> Option<Duration> {
        self.with(|pure| pure.age(applied, since_boot()))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Pure) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The time since this machine was started, asleep or not.
pub fn since_boot() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    // Neither is negative: Linux counts up from 0.
    Duration::new(
        u64::try_from(now.tv_sec).unwrap_or_default(),
        u32::try_from(now.tv_nsec).unwrap_or_default(),
    )
}
