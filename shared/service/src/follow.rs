//! How a service comes to know what it answers from: it hears its streams from their beginning, opens when it has heard all of them, and
//! goes on hearing.

use bus::{Feed, Heard, Record};
use events::topology::StreamName;

use crate::{Context, Fault};

/// Follows whole `streams` until the context's stop. Every record goes to `hear`, in the trace of whoever caused it. When all that was
/// stored has been heard, `open` lets the service's questions and work in, and the service is ready; what it yields is held until the
/// end. Before that, a service knows only half of what it would answer from.
///
/// # Errors
/// When `open` fails.
pub async fn follow<Open>(
    context: &Context,
    streams: &[StreamName],
    mut hear: impl FnMut(&Record),
    open: impl AsyncFnOnce() -> Result<Open, Fault>,
) -> Result<(), Fault> {
    let streams: Vec<_> = streams.iter().map(|stream| (*stream, 0)).collect();
    let mut feed = Feed::open(&context.connection, &streams, &context.tasks, &context.stop);
    let mut open = Some(open);
    let mut _held = None;
    loop {
        let heard = tokio::select! {
            biased;
            () = context.stop.cancelled() => return Ok(()),
            heard = feed.next() => heard,
        };
        match heard {
            Some(Heard::Record(record)) => {
                let _entered = record.span().entered();
                hear(&record);
            }
            Some(Heard::CaughtUp) => {
                if let Some(open) = open.take() {
                    _held = Some(open().await?);
                    context.readiness.is_ready();
                }
            }
            None => return Ok(()),
        }
    }
}
