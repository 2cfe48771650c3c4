//! Is the process alive, and can it do its work? For whoever starts and watches it.

use std::{net::SocketAddr, sync::Arc};

use axum::{Router, extract::State, http::StatusCode, routing::get};
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

/// Whether a service can do its work; cheap to clone.
#[derive(Debug, Clone)]
pub struct Readiness {
    ready: Arc<watch::Sender<bool>>,
    connection: bus::Connection,
}

impl Readiness {
    pub(crate) fn new(connection: bus::Connection) -> Self {
        Self { ready: Arc::new(watch::Sender::new(false)), connection }
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

    fn status(&self) -> (StatusCode, &'static str) {
        match (*self.ready.borrow(), self.connection.is_connected()) {
            (true, true) => (StatusCode::OK, "ready\n"),
            (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "no connection to NATS\n"),
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "catching up\n"),
        }
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
