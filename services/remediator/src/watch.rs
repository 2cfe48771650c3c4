//! The container runtime, listened to aside: what runs, then what happens, then what runs again. An absent runtime is waited for.

use std::time::Duration;

use containers::{ContainerId, Error, Lifecycle, Runtime};
use futures::StreamExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep, sleep_until},
};
use tracing::{info, warn};

use crate::inventory::Seen;

/// How often everything is looked at though nothing was heard: a runtime that hangs says nothing.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// Pauses between two tries to reach a runtime: the first costs a restarted daemon nothing, the last bounds what an absent one costs us.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How the runtime was found at the last try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    NotTried,
    Answering,
    Absent,
}

/// Tells what is seen until nobody listens. Meant to be dropped at the end.
pub(crate) async fn watch(runtime: Runtime, tell: mpsc::Sender<Seen>) {
    let mut pause = FIRST_PAUSE;
    let mut found = Found::NotTried;
    while !tell.is_closed() {
        let answers = |containers: usize| {
            if found != Found::Answering {
                info!(containers, "The container runtime answers.");
            }
            (pause, found) = (FIRST_PAUSE, Found::Answering);
        };
        match listen(&runtime, &tell, answers).await {
            // Said once a loss: the runtime may be away for hours.
            Err(error) if found != Found::Absent => {
                found = Found::Absent;
                warn!(error = %telemetry::Chain(&error), "The container runtime cannot be asked; the agent tries again.");
            }
            Ok(()) | Err(_) => {}
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Until the runtime's events end or it cannot be asked; `answers` is called with the number of containers when it has answered.
async fn listen(
    runtime: &Runtime,
    tell: &mpsc::Sender<Seen>,
    mut answers: impl FnMut(usize),
) -> Result<(), Error> {
    // First the ear, then the eye: what happens in between is heard.
    let mut events = runtime.watch();
    answers(look(runtime, tell).await?);
    let mut next_look = Instant::now() + LOOK_AGAIN;
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(event) => look_at(runtime, tell, subject(event?)).await?,
                None => return Ok(()),
            },
            () = sleep_until(next_look) => {
                look(runtime, tell).await?;
                next_look = Instant::now() + LOOK_AGAIN;
            }
            () = tell.closed() => return Ok(()),
        }
    }
}

/// How many run.
async fn look(runtime: &Runtime, tell: &mpsc::Sender<Seen>) -> Result<usize, Error> {
    let containers = runtime.running().await?;
    let count = containers.len();
    // Whoever does not listen any more is leaving.
    tell.send(Seen::All(containers)).await.ok();
    Ok(count)
}

/// Whatever happened to it, what counts is how it is now: an event may be older than the last look.
async fn look_at(runtime: &Runtime, tell: &mpsc::Sender<Seen>, id: ContainerId) -> Result<(), Error> {
    let found = runtime.container(id.as_str()).await?;
    tell.send(Seen::One(id, found.map(Box::new))).await.ok();
    Ok(())
}

fn subject(event: Lifecycle) -> ContainerId {
    match event {
        Lifecycle::Started { id } | Lifecycle::Died { id } | Lifecycle::Destroyed { id } => id,
    }
}
