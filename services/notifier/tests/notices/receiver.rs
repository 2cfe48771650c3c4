//! The teams' end: an HTTP listener that keeps what it is told, and can be as bad as receivers are.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU32, Ordering},
};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// A listener; gone when dropped.
pub(crate) struct Receiver {
    address: String,
    arrived: Arc<Arrived>,
    _listener: JoinSet<()>,
}

#[derive(Default)]
struct Arrived {
    notices: Mutex<Vec<Value>>,
    refused: AtomicU32,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let arrived: Arc<Arrived> = Arc::default();
        let app = Router::new()
            .route("/good", post(keep))
            .route("/busy-at-first", post(keep_the_third))
            .route("/moved", post(async || (StatusCode::FOUND, [(header::LOCATION, "/good")])))
            .route("/silent", post(std::future::pending::<()>))
            .with_state(Arc::clone(&arrived));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, arrived, _listener: tasks }
    }

    /// The address of one of its ways to behave.
    pub(crate) fn url(&self, behaviour: &str) -> String {
        format!("http://{}/{behaviour}", self.address)
    }

    /// What arrived for a project.
    pub(crate) fn of(&self, project: &str) -> Vec<Value> {
        let notices = self.arrived.notices.lock().unwrap_or_else(PoisonError::into_inner);
        notices.iter().filter(|notice| notice["project"] == project).cloned().collect()
    }
}

async fn keep(
    State(arrived): State<Arc<Arrived>>,
    headers: HeaderMap,
    Json(notice): Json<Value>,
) -> Response {
    assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    arrived.notices.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
    // What a receiver babbles is nobody's business.
    "x".repeat(1 << 20).into_response()
}

async fn keep_the_third(arrived: State<Arc<Arrived>>, headers: HeaderMap, notice: Json<Value>) -> Response {
    match arrived.refused.fetch_add(1, Ordering::SeqCst) {
        0 | 1 => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        _ => keep(arrived, headers, notice).await,
    }
}
