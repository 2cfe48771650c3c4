//! Is the process alive, and can it do its work? For whoever starts and watches it.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{Router, extract::State, http::StatusCode, routing::get};
use bus::rpc::Condition;
use serde::Deserialize;
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

/// The `[health]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Where `/healthz` and `/readyz` are answered; nowhere where none is given.
    pub(crate) listen: Option<SocketAddr>,
}

/// What a service says of itself when it has met an order that it cannot read.
const BEHIND: &str = "behind: an order that is in force cannot be read here; update this program";

/// Whether a service can do its work; cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness {
    ready: Arc<watch::Sender<bool>>,
    behind: Arc<AtomicBool>,
    connection: bus::Connection,
}

impl Readiness {
    pub(crate) fn new(connection: bus::Connection) -> Self {
        Self { ready: Arc::new(watch::Sender::new(false)), behind: Arc::default(), connection }
    }

    /// The service has caught up and answers from now on.
    pub fn is_ready(&self) {
        if !self.ready.send_replace(true) {
            tracing::info!("Ready.");
        }
    }

    /// The service is leaving.
    pub fn is_leaving(&self) {
        self.ready.send_replace(false);
    }

    /// The service has met an order that is in force and that it cannot read. It stays so: what it missed does not come again.
    pub fn is_behind(&self) {
        if !self.behind.swap(true, Ordering::Relaxed) {
            tracing::error!("{BEHIND}");
        }
    }

    /// What is wrong with the service, for whoever looks at it on the broker.
    pub fn condition(&self) -> Condition {
        let behind = Arc::clone(&self.behind);
        Arc::new(move || behind.load(Ordering::Relaxed).then_some(BEHIND))
    }

    fn status(&self) -> (StatusCode, String) {
        let (code, said) = match (*self.ready.borrow(), self.connection.is_connected()) {
            (_, true) if self.behind.load(Ordering::Relaxed) => (StatusCode::SERVICE_UNAVAILABLE, BEHIND),
            (true, true) => (StatusCode::OK, "ready"),
            (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "no connection to NATS"),
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "catching up"),
        };
        (code, format!("{said}\n"))
    }
}

/// Answers until `stop`.
pub(crate) async fn serve(
    listener: TcpListener,
    readiness: Readiness,
    stop: CancellationToken,
) -> std::io::Result<()> {
    let app = Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(async |State(readiness): State<Readiness>| readiness.status()))
        .with_state(readiness);
    axum::serve(listener, app).with_graceful_shutdown(stop.cancelled_owned()).await
}
