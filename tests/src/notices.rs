//! The teams' end of the generic webhook: a listener that keeps what it was told.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::{Json, Router, extract::State, routing::post};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet};

/// What has arrived; the listener ends when this is dropped.
pub struct Notices {
    url: String,
    arrived: Arc<Mutex<Vec<Value>>>,
    _listener: JoinSet<()>,
}

impl Notices {
    /// Listens on a free port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/notices", listener.local_addr()?);
        let arrived: Arc<Mutex<Vec<Value>>> = Arc::default();
        let app = Router::new().route("/notices", post(keep)).with_state(Arc::clone(&arrived));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            axum::serve(listener, app).await.ok();
        });
        Ok(Self { url, arrived, _listener: tasks })
    }

    /// Where notices go.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What has arrived for a project.
    pub fn of(&self, project: &str) -> Vec<Value> {
        let arrived = self.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        arrived
            .iter()
            .filter(|notice| notice.get("project").and_then(Value::as_str) == Some(project))
            .cloned()
            .collect()
    }
}

async fn keep(State(arrived): State<Arc<Mutex<Vec<Value>>>>, Json(notice): Json<Value>) {
    arrived.lock().unwrap_or_else(PoisonError::into_inner).push(notice);
}
