//! Modules compiled in a child process: what takes too much every time is the policy's fault, what a busy machine does once is not.

use std::time::Duration;

use evaluator::{Evaluator, Mistaken};
use tracing::{Span, error, warn};
use verdict::Sequence;

use crate::state::Compilation;

/// Between two tries at first, and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Children that may be late or die before their policy is rejected: less than three minutes, in which somebody waits for the order's answer.
const TRIES: usize = 8;

/// What became of it.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) order: Sequence,
    /// Why the policy cannot be applied, and what to do.
    pub(crate) modules: Result<(), String>,
    /// The span of the order.
    pub(crate) span: Span,
}

/// Compiles until there is an answer.
pub(crate) async fn compile(evaluator: Evaluator, compilation: Compilation) -> Compiled {
    let Compilation { order, rego } = compilation;
    let (mut wait, mut tries) = (BACKOFF.0, 0);
    let modules = loop {
        match evaluator.compile(&rego).await {
            Ok(_) => break Ok(()),
            Err(error @ Mistaken::Start(_)) => {
                error!(%order, error = %telemetry::Chain(&error), "A policy waits for its answer.");
            }
            Err(Mistaken::Unfit(unanswered)) if !unanswered.is_reproducible() => {
                tries += 1;
                if tries == TRIES {
                    break Err(format!(
                        "the policy {unanswered} ({TRIES} tries); order it again when the invalidator's machine has less to do"
                    ));
                }
                warn!(%order, error = %unanswered, tries, "A policy is compiled again.");
            }
            Err(error @ (Mistaken::Unfit(_) | Mistaken::Stranger { .. })) => break Err(error.to_string()),
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(BACKOFF.1);
    };
    Compiled { order, modules, span: Span::current() }
}

#[cfg(test)]
mod tests;
