//! The process: read the orders, then tell the teams, and go on reading.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bus::{Connection, Entries, Limits};
use events::topology::{Bucket, Role, StreamName};
use service::{Context, Fault};
use source::Fetcher;
use tracing::{info, warn};

use crate::{config::Config, handler::Teller, projects::Projects, turns::Turns, webhook::Sender};

/// Notices at once: a slow receiver or git host holds up one of them.
const AT_ONCE: usize = 8;

/// For what is under way at the end: longer than a webhook, shorter than the service's own grace.
const GRACE: Duration = Duration::from_secs(8);

/// Between two tries to open the bucket.
const BIND_PAUSE: Duration = Duration::from_millis(250);

/// Why the notifier could not start.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the folder {0} cannot be made; set [notifier] folder to one that can")]
    Folder(PathBuf, #[source] io::Error),
}

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let Config { folder, source } = config;
    let folder = workshop(&folder).map_err(|error| Error::Folder(folder, error))?;
    let projects = Projects::default();
    let sender = Sender::new()?;
    // Listed for as long as this is held.
    let _listed = context.connection.list("notifier", "Tells the teams what became of their builds.").await?;
    let hear = |record: &_| projects.hear(record);
    // Before that, nobody is known to be told.
    let open = async || {
        if let Some(entries) = context.stop.run_until_cancelled(bind(&context.connection)).await {
            let (projects, stop) = (projects.clone(), context.stop.clone());
            begin(
                Teller {
                    projects,
                    entries,
                    fetcher: Fetcher::new(source),
                    sender,
                    folder,
                    turns: Turns::default(),
                    stop,
                },
                &context,
            );
            info!("Teams are told.");
        }
        Ok(())
    };
    service::follow(&context, &[StreamName::Orders], hear, open).await
}

/// An empty folder below `folder`: what a killed predecessor left there is of no use.
fn workshop(folder: &Path) -> io::Result<PathBuf> {
    let workshop = folder.join("branches");
    match std::fs::remove_dir_all(&workshop) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    std::fs::create_dir_all(&workshop)?;
    Ok(workshop)
}

/// Opens the bucket as soon as there is one: whoever sets up the broker may not be done.
async fn bind(connection: &Connection) -> Entries {
    loop {
        match connection.entries(Bucket::Notices).await {
            Ok(entries) => return entries,
            Err(error) => warn!(error = %telemetry::Chain(&error), "The notices' bucket is not there yet."),
        }
        tokio::time::sleep(BIND_PAUSE).await;
    }
}

fn begin(teller: Teller, context: &Context) {
    let limits = Limits { concurrency: AT_ONCE, grace: GRACE };
    let teller = Arc::new(teller);
    for durable in Role::Notifier.spec().consumes {
        let consumer = bus::consume(
            context.connection.clone(),
            *durable,
            Arc::clone(&teller),
            limits,
            context.stop.clone(),
        );
        context.tasks.spawn(consumer);
    }
}
