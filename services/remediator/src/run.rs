//! The loop: one closed set of things that can happen, one owner of the state.

use std::{num::NonZeroUsize, time::Duration};

use bus::{Feed, Heard};
use containers::Runtime;
use events::topology::{Bucket, StreamName};
use service::{Context, Fault};
use time::OffsetDateTime;
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tracing::{Instrument as _, Span, info, info_span};

use crate::{
    announce::{Fact, announce},
    carry_out::{Came, Hands},
    config::Config,
    due::{Due, Run},
    inventory::Seen,
    state::State,
    watch::watch,
};

/// How many looks and facts wait: a node's containers all starting at once fit in.
const QUEUE: usize = 1024;

/// How long runs may finish after a stop; the service's own grace is longer. What is left is taken up at the next start.
const GRACE: Duration = Duration::from_secs(5);

/// Why the agent cannot work as it is configured.
#[derive(Debug, thiserror::Error)]
enum Unfit {
    #[error("[nats] names no `node`; write the node's name there, as its identity on the broker has it")]
    Nameless,
    #[error("[agent.runtime] cannot be used: {}", .0.join("; "))]
    Runtime(Vec<String>),
}

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let Config { runtime, concurrency } = config;
    // Listed for as long as this is held.
    let _listed = context.connection.list("agent", "Runs remedies on its node.").await?;
    let Some(runtime) = runtime else {
        info!(
            "The configuration names no container runtime: there is nothing to remedy here, and the agent idles."
        );
        context.readiness.is_ready();
        context.stop.cancelled().await;
        return Ok(());
    };
    if context.connection.node().is_empty() {
        return Err(Unfit::Nameless.into());
    }
    let mistakes = runtime.mistakes();
    if !mistakes.is_empty() {
        return Err(Unfit::Runtime(mistakes).into());
    }
    let streams = [(StreamName::Orders, 0), (StreamName::Resolutions, 0)];
    let feed = Feed::open(&context.connection, &streams, &context.tasks, &context.stop);
    let hands = Hands {
        runtime: Runtime::new(&runtime),
        connection: context.connection.clone(),
        entries: context.connection.entries(Bucket::Runs).await?,
    };
    Agent::new(hands, concurrency, context).run(feed).await;
    Ok(())
}

struct Agent {
    state: State,
    hands: Hands,
    concurrency: NonZeroUsize,
    runs: JoinSet<(Run, Came)>,
    facts: mpsc::Sender<Fact>,
    seen: mpsc::Receiver<Seen>,
    context: Context,
}

impl Agent {
    fn new(hands: Hands, concurrency: NonZeroUsize, context: Context) -> Self {
        let (tell, seen) = mpsc::channel(QUEUE);
        let (facts, told) = mpsc::channel(QUEUE);
        let Context { connection, stop, tasks, .. } = &context;
        let watching = watch(hands.runtime.clone(), tell);
        tasks.spawn(stop.clone().run_until_cancelled_owned(watching));
        tasks.spawn(stop.clone().run_until_cancelled_owned(announce(connection.clone(), told)));
        Self { state: State::default(), hands, concurrency, runs: JoinSet::new(), facts, seen, context }
    }

    async fn run(mut self, mut feed: Feed) {
        let stop = self.context.stop.clone();
        // Nothing is judged by half of the orders: a ban that was lifted long ago starts nothing.
        let mut is_caught_up = false;
        loop {
            let wakes_at = self.state.wakes_at();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                heard = feed.next() => match heard {
                    Some(Heard::Record(record)) => {
                        let span = record.span();
                        span.in_scope(|| self.state.hear(&record));
                        if is_caught_up {
                            self.begin(&span);
                        }
                    }
                    Some(Heard::CaughtUp) => {
                        is_caught_up = true;
                        self.context.readiness.is_ready();
                        self.begin(&Span::none());
                    }
                    None => break,
                },
                Some(Ok((run, came))) = self.runs.join_next() => {
                    self.state.came(run, came, Instant::now());
                    self.begin(&Span::none());
                }
                Some(seen) = self.seen.recv(), if is_caught_up => {
                    self.see(seen).await;
                    self.begin(&Span::none());
                }
                () = sleep_until(wakes_at.unwrap_or_else(Instant::now)), if wakes_at.is_some() => {
                    self.begin(&Span::none());
                }
            }
        }
        self.finish().await;
    }

    async fn see(&mut self, seen: Seen) {
        let facts = self.state.see(seen, self.context.connection.node(), OffsetDateTime::now_utc());
        for fact in facts {
            // It is refused only while the agent is leaving.
            self.facts.send(fact).await.ok();
        }
    }

    fn begin(&mut self, cause: &Span) {
        let free = self.concurrency.get().saturating_sub(self.runs.len());
        let begun = self.state.begin(free, cause, OffsetDateTime::now_utc(), Instant::now());
        for (due, cause) in begun {
            let span = span(&due, &cause);
            let hands = self.hands.clone();
            let run = due.run.clone();
            self.runs.spawn(async move { (run, hands.carry_out(due).await) }.instrument(span));
        }
    }

    async fn finish(mut self) {
        let ended = timeout(GRACE, async { while self.runs.join_next().await.is_some() {} }).await;
        if ended.is_err() {
            info!(runs = self.runs.len(), "Remedies are still under way; the next start takes them up.");
        }
    }
}

/// Part of the trace of what made it due, or of the ban itself where no message did.
fn span(due: &Due, cause: &Span) -> Span {
    let Due { run, origin, .. } = due;
    let span = info_span!(
        parent: cause.id(),
        "remedy",
        otel.name = format!("remedy {}", run.remedy),
        ban = run.ban.0,
        container = %run.container,
        name = due.name,
    );
    if cause.is_none() {
        telemetry::adopt_order(&span, origin.sequence.0, origin.at.unix_timestamp_nanos());
    }
    span
}
