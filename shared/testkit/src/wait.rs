//! Waiting for a condition, with a bound and a message that says what was missing. Never a fixed sleep.

use std::fmt::Display;
use std::time::Duration;

use anyhow::bail;
use tokio::time::{Instant, sleep, timeout_at};

/// Short enough that a condition which is nearly met costs nothing.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Long enough that a slow condition is not asked for more often than a person would.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What one attempt came to: `bool`, `Option` and `Result` are attempts.
pub trait Attempt {
    /// What a successful attempt yields.
    type Value;

    /// The value, or why there is none yet.
    ///
    /// # Errors
    /// The reason, for the message of a wait that ends without success. An empty text when there is none.
    fn settle(self) -> Result<Self::Value, String>;
}

impl Attempt for bool {
    type Value = ();

    fn settle(self) -> Result<(), String> {
        if self { Ok(()) } else { Err(String::new()) }
    }
}

impl<T> Attempt for Option<T> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        self.ok_or_else(String::new)
    }
}

impl<T, E: Display> Attempt for Result<T, E> {
    type Value = T;

    fn settle(self) -> Result<T, String> {
        // The alternate form prints the whole chain of an `anyhow` error.
        self.map_err(|error| format!("{error:#}"))
    }
}

/// Repeats `attempt` until it succeeds and yields its value; `what` completes the sentence "waited for …".
///
/// An attempt that is still under way when `timeout` is over is dropped, so it must be cancel-safe.
///
/// # Errors
/// After `timeout`: what was waited for, how long, how often it was tried, and the last attempt's own reason.
pub async fn eventually<A: Attempt>(
    what: impl Display,
    timeout: Duration,
    mut attempt: impl AsyncFnMut() -> A,
) -> anyhow::Result<A::Value> {
    let deadline = Instant::now() + timeout;
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0_u32;
    let mut reason = String::new();
    while Instant::now() < deadline {
        attempts += 1;
        match timeout_at(deadline, attempt()).await {
            Ok(outcome) => match outcome.settle() {
                Ok(value) => return Ok(value),
                Err(latest) => reason = latest,
            },
            Err(_) => reason = format!("attempt {attempts} had not ended"),
        }
        sleep(pause.min(deadline.saturating_duration_since(Instant::now()))).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let separator = if reason.is_empty() { "" } else { ": " };
    bail!("waited {timeout:?} in vain for {what} ({attempts} attempts){separator}{reason}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn yields_the_first_success() {
        let mut left = 3;
        let value = eventually("three attempts", Duration::from_secs(10), async || {
            left -= 1;
            (left == 0).then_some("done")
        })
        .await;
        assert_eq!(value.unwrap(), "done");
    }

    #[tokio::test]
    async fn says_what_was_missing_and_why() {
        let outcome =
            eventually("the moon", Duration::from_millis(50), async || Err::<(), _>("it is day")).await;
        let message = outcome.unwrap_err().to_string();
        assert!(message.contains("the moon") && message.ends_with("it is day"), "{message}");
    }

    #[tokio::test]
    async fn an_attempt_that_hangs_is_bounded() {
        let outcome =
            eventually("an answer", Duration::from_millis(50), async || std::future::pending::<bool>().await)
                .await;
        assert!(outcome.unwrap_err().to_string().contains("had not ended"));
    }
}
