//! Is the process alive, and can it do its work? For whoever starts and watches it.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
};

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
    /// Folders on whose disks an alarm is raised before they are full, beside the service's own.
    pub(crate) folders: Vec<PathBuf>,
}

/// What a service says of itself when it has met an order that it cannot read.
const BEHIND: &str = "behind: an order that is in force cannot be read here; update this program";

/// The key of that condition.
const BEHIND_KEY: &str = "behind";

/// Whether a service can do its work; cheap to clone.
#[derive(Clone)]
pub struct Readiness {
    ready: Arc<watch::Sender<bool>>,
    staleness: Arc<OnceLock<Staleness>>,
    connection: bus::Connection,
}

/// What is stale in a service, in words; none while nothing is.
type Staleness = Box<dyn Fn() -> Option<String> + Send + Sync>;

impl Readiness {
    pub(crate) fn new(connection: bus::Connection) -> Self {
        let ready = Arc::new(watch::Sender::new(false));
        Self { ready, staleness: Arc::default(), connection }
    }

    /// The service is not ready while `staleness` says that what it answers from is too old.
    pub fn is_stale_when(&self, staleness: impl Fn() -> Option<String> + Send + Sync + 'static) {
        // A second measure beside the first would be a mistake of the caller's, and the first still holds.
        self.staleness.set(Box::new(staleness)).ok();
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
        self.connection.conditions().raise(BEHIND_KEY, BEHIND);
    }

    fn status(&self) -> (StatusCode, String) {
        let is_ready = *self.ready.borrow();
        if let Some(said) = self.staleness.get().and_then(|staleness| staleness()).filter(|_| is_ready) {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("stale: {said}\n"));
        }
        let (code, said) = match (is_ready, self.connection.is_connected()) {
            (_, true) if self.connection.conditions().has(BEHIND_KEY) => {
                (StatusCode::SERVICE_UNAVAILABLE, BEHIND)
            }
            (true, true) => (StatusCode::OK, "ready"),
            (true, false) => (StatusCode::SERVICE_UNAVAILABLE, "no connection to NATS"),
            (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "catching up"),
        };
        (code, format!("{said}\n"))
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readiness").field("ready", &*self.ready.borrow()).finish_non_exhaustive()
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
