//! The embedded broker, kept running: started again when it ends, does not respond, or stores nothing although there is room.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use bus::{Connection, server::Server};
use service::disk::Space;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{liveness::broker_silence, restarts::Restarts};

/// Between two questions to the broker about its health.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the broker may be ill before it is started again: a stream that recovers after a start is ill for a moment. Doubled with each start
/// that did not help, up to the second one: an illness that a start does not cure must not take the other streams away again and again.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(300));

/// With less room than this a broker that is started again would be ill at once.
const ROOM_BYTES: u64 = 16 << 20;

/// How long connecting to a broker that runs may take.
const CONNECT: Duration = Duration::from_secs(2);

/// The broker, and what it takes to ask after its health.
pub(super) struct Broker {
    pub(super) server: Server,
    /// The way to its system account.
    pub(super) system: bus::Config,
    /// Where it stores.
    pub(super) folder: PathBuf,
}

/// Keeps the broker running until `stop`, then ends it.
pub(super) async fn watch(broker: Broker, stop: CancellationToken) {
    let Broker { mut server, system, folder } = broker;
    let port = server.port();
    let mut health = Health { system, folder, connection: None, patience: PATIENCE.0 };
    let mut restarts = Restarts::default();
    let mut started = Instant::now();
    loop {
        let mut why = tokio::select! {
            biased;
            () = stop.cancelled() => {
                server.stop().await;
                return;
            }
            status = server.ended() => match status {
                Ok(status) => format!("The broker ended with {status}"),
                Err(error) => format!("The broker cannot be waited for: {error}"),
            },
            silent = broker_silence(port) => {
                format!("The broker did not respond for {} s and is killed", silent.as_secs())
            }
            illness = health.incurable() => format!("The broker stores nothing although there is room ({illness})"),
        };
        loop {
            let (attempt, pause) = restarts.next(started.elapsed());
            warn!(attempt, "{why}; it is started again in {} ms, attempt {attempt}.", pause.as_millis());
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            started = Instant::now();
            match server.restart().await {
                Ok(()) => break,
                Err(failure) => why = format!("The broker cannot be started: {}", telemetry::Chain(&failure)),
            }
        }
        info!(process = server.id(), "The broker was started.");
    }
}

struct Health {
    system: bus::Config,
    folder: PathBuf,
    connection: Option<Connection>,
    patience: Duration,
}

impl Health {
    /// Returns when the broker has been ill for too long although its disk has room; yields what it says is wrong.
    async fn incurable(&mut self) -> String {
        let mut since = None;
        loop {
            tokio::time::sleep(PAUSE).await;
            let illness = match self.ask().await {
                Ok(None) => {
                    if since.take().is_some() {
                        info!("The broker is healthy again.");
                    }
                    self.patience = PATIENCE.0;
                    continue;
                }
                Ok(Some(illness)) => illness,
                // Whether it responds at all is asked by others.
                Err(error) => {
                    debug!(error = %telemetry::Chain(&error), "The broker's health is unknown.");
                    continue;
                }
            };
            if since.is_none() {
                error!("The broker cannot store: {illness}.");
            }
            let began = since.get_or_insert_with(Instant::now);
            if !self.has_room() {
                // Counted from the moment at which there is room.
                *began = Instant::now();
            } else if began.elapsed() >= self.patience {
                self.patience = (self.patience * 2).min(PATIENCE.1);
                return illness;
            }
        }
    }

    async fn ask(&mut self) -> Result<Option<String>, bus::Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::connect(&self.system, bus::keyring::SYSTEM_IDENTITY, CONNECT).await?,
        };
        let illness = connection.broker_illness().await;
        self.connection = Some(connection);
        illness
    }

    fn has_room(&self) -> bool {
        Space::of(&self.folder).is_ok_and(|space| space.available_bytes >= ROOM_BYTES)
    }
}
