//! Why a team could not be told, and what is to become of it.

use std::time::Duration;

use bus::{Classify, Disposition};
use events::Malformed;
use verdict::order::Name;

use crate::webhook;

/// Between two tries at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(300));

/// Why a notice was not delivered in full, and at which attempt.
#[derive(Debug, thiserror::Error)]
#[error("the team of a build could not be told (attempt {attempt})")]
pub(crate) struct Undelivered {
    pub(crate) attempt: u64,
    #[source]
    pub(crate) why: Error,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the build's end cannot be read")]
    Malformed(#[from] Malformed),
    #[error("no order speaks of the project {0}")]
    UnknownProject(Name),
    #[error("what was told cannot be noted")]
    Bus(#[from] bus::Error),
    #[error("no folder for a commit can be made")]
    Folder(#[source] std::io::Error),
    #[error("the branch cannot be pushed")]
    Branch(#[from] source::Error),
    #[error("the webhook cannot be delivered")]
    Webhook(#[from] webhook::Error),
}

impl Error {
    pub(crate) fn is_retryable(&self) -> bool {
        match self {
            Self::Malformed(_) => false,
            // Its order may still be on the way to us.
            Self::UnknownProject(_) | Self::Folder(_) => true,
            Self::Bus(error) => error.is_retryable(),
            Self::Branch(error) => error.is_retryable(),
            Self::Webhook(error) => error.is_retryable(),
        }
    }
}

impl Classify for Undelivered {
    fn disposition(&self) -> Disposition {
        if !self.why.is_retryable() {
            return Disposition::Reject;
        }
        let doublings = u32::try_from(self.attempt.saturating_sub(1)).unwrap_or(u32::MAX).min(16);
        Disposition::Retry((BACKOFF.0 * 2_u32.pow(doublings)).min(BACKOFF.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(attempt: u64, why: Error, disposition: Disposition) {
        assert_eq!(Undelivered { attempt, why }.disposition(), disposition);
    }

    #[test]
    fn what_may_help_is_tried_ever_more_slowly() {
        let unavailable = || Error::Webhook(webhook::Error::Answered(503));
        check(1, unavailable(), Disposition::Retry(Duration::from_secs(1)));
        check(4, unavailable(), Disposition::Retry(Duration::from_secs(8)));
        check(u64::MAX, unavailable(), Disposition::Retry(BACKOFF.1));
        check(1, Error::Webhook(webhook::Error::Answered(404)), Disposition::Reject);
        check(1, Error::Malformed(Malformed::Empty), Disposition::Reject);
    }
}
