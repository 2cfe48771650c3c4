//! The process: read the orders, then take webhooks and poll, and go on reading.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc, time::Duration};

use artifact::{Digest, ImageRef};
use bus::Connection;
use events::topology::StreamName;
use registry::Client;
use service::{Context, Fault};
use source::Fetcher;
use tokio::{
    net::TcpListener,
    sync::Notify,
    time::{Instant, sleep},
};
use tracing::{error, info, warn};

use crate::{
    config::Config,
    desk::Desk,
    images::Images,
    memory::Memory,
    poll::Poll,
    recall,
    receive::{self, Receiver},
    sources::Sources,
};

/// Between two looks at the connection: shorter than a broker takes to start again.
const CONNECTION_LOOK: Duration = Duration::from_millis(50);

/// Why the watcher could not start.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("nobody can send webhooks to {0}; set [watcher] listen to an address that is free")]
    Listen(SocketAddr, #[source] io::Error),
}

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let memory = Memory::default();
    let address = config.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))?;
    let beginning = Beginning::prepare(config, memory.clone(), &context, listener)?;
    // Listed for as long as this is held.
    let _listed =
        context.connection.list("watcher", "Turns what registries and git hosts tell into facts.").await?;
    let ordered = Arc::new(Notify::new());
    let hear = |record: &_| {
        memory.hear(record);
        ordered.notify_one();
    };
    // Before that, a push could not be matched to its project: nobody is answered yet.
    let open = async || {
        // Without it, each start would publish every tag again.
        let Some(known) = recall::images(&context).await else { return Ok(()) };
        info!(images = known.len(), "What is in IMAGES is known.");
        beginning.begin(&context, known, Arc::clone(&ordered));
        info!(%address, "Webhooks are taken.");
        Ok(())
    };
    service::follow(&context, &[StreamName::Orders], hear, open).await
}

struct Beginning {
    receiver: Receiver,
    poll: Poll,
    listener: TcpListener,
}

impl Beginning {
    fn prepare(
        config: Config,
        memory: Memory,
        context: &Context,
        listener: TcpListener,
    ) -> Result<Self, Fault> {
        let Config { listen: _, sources: known, registry, source, poll: pause } = config;
        if known.is_empty() {
            info!(
                "No [watcher.sources] are configured: webhooks are answered 404, and news come by polling alone."
            );
        }
        let images = Images::new(Client::new(registry)?, context.connection.clone());
        let sources = Sources::new(Fetcher::new(source), context.connection.clone(), context.stop.clone());
        let receiver = Receiver {
            known: Arc::new(known),
            desk: Desk::new(context.tasks.clone(), context.stop.clone()),
            memory: memory.clone(),
            images: images.clone(),
            sources: sources.clone(),
        };
        Ok(Self { receiver, poll: Poll { memory, images, sources, pause }, listener })
    }

    fn begin(self, context: &Context, known: BTreeMap<ImageRef, Digest>, ordered: Arc<Notify>) {
        let Self { receiver, poll, listener } = self;
        let images = receiver.images.clone();
        images.recall(known);
        let (connection, stop) = (context.connection.clone(), context.stop.clone());
        context.tasks.spawn(async move { stop.run_until_cancelled(mind_losses(connection, images)).await });
        context.tasks.spawn(poll.run(ordered, context.stop.clone()));
        let stop = context.stop.clone();
        context.tasks.spawn(async move {
            let app = receive::router(receiver);
            if let Err(error) =
                axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
            {
                error!(%error, "Webhooks are no longer taken.");
            }
        });
    }
}

/// Tells again what a broker that went away may have lost.
async fn mind_losses(connection: Connection, images: Images) {
    let mut lost = None;
    loop {
        sleep(CONNECTION_LOOK).await;
        match (connection.is_connected(), lost) {
            (false, None) => lost = Some(Instant::now()),
            (true, Some(at)) => match images.tell_again(at).await {
                Ok(()) => lost = None,
                Err(error) => {
                    warn!(error = %telemetry::Chain(&error), "What the broker may have lost is not told again yet.")
                }
            },
            (true, None) | (false, Some(_)) => {}
        }
    }
}
