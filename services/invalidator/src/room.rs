//! How much room RESOLUTIONS has: for everything, or for answers alone. Not what follows from that (`state`).

use std::time::Duration;

use events::topology::StreamName;
use service::Context;
use tokio::sync::watch;
use tracing::debug;

/// How much of RESOLUTIONS what bans cover may take, in percent. The rest is for answers, a few hundred bytes each: no order goes without one.
const COVERAGE_PERCENT: u64 = 90;
/// Between two looks at how full RESOLUTIONS is: less than it takes to write the rest of it.
const ROOM_LOOK: Duration = Duration::from_secs(1);
const CONDITION: &str = "room";
const TEXT: &str = "RESOLUTIONS has no room but for answers to orders: what bans cover from now on is not published, and those bans are pending; critical \
                    ones deny every image that cannot be cleared; raise the limit of the stream, and of its mirrors";

/// Whether RESOLUTIONS has room for more than answers. A lack of it is a condition of this process, whatever the main loop waits for.
pub(crate) fn watch(context: &Context) -> watch::Receiver<bool> {
    let (tell, room) = watch::channel(true);
    let (connection, stop) = (context.connection.clone(), context.stop.clone());
    let look = async move {
        loop {
            match connection.fill(StreamName::Resolutions).await {
                Ok(fill) => {
                    let has_room = !fill.is_above(COVERAGE_PERCENT);
                    if has_room {
                        connection.conditions().clear(CONDITION);
                    } else {
                        connection.conditions().raise(CONDITION, TEXT);
                    }
                    tell.send_if_modified(|known| std::mem::replace(known, has_room) != has_room);
                }
                Err(error) => {
                    debug!(error = %telemetry::Chain(&error), "How full RESOLUTIONS is is not known.")
                }
            }
            tokio::time::sleep(ROOM_LOOK).await;
        }
    };
    context.tasks.spawn(async move { stop.run_until_cancelled(look).await });
    room
}
