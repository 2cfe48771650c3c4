//! Questions to a gate over its node's socket, one after the other on one connection: for what must be asked often.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use events::rpc::CheckRequest;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::UnixStream, task::JoinSet};

/// How long one answer may take, and how long a gate may need to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection to one gate.
pub struct Gate {
    sender: SendRequest<Full<Bytes>>,
    /// Carries the bytes; ends with the last of us.
    _connection: JoinSet<()>,
}

impl Gate {
    /// Connects to the gate that listens at `socket`.
    pub async fn connect(socket: &Path) -> Result<Self> {
        let there = async || UnixStream::connect(socket).await;
        Self::over(testkit::wait::eventually("the gate to listen", PATIENCE, there).await?).await
    }

    /// Connects to a gate that listens already.
    pub async fn connect_at_once(socket: &Path) -> Result<Self> {
        Self::over(UnixStream::connect(socket).await?).await
    }

    async fn over(stream: UnixStream) -> Result<Self> {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        let mut carrying = JoinSet::new();
        carrying.spawn(async move {
            // A connection that breaks is told to whoever asks on it.
            connection.await.ok();
        });
        Ok(Self { sender, _connection: carrying })
    }

    /// May `image` start? The decision's word: allow, warn or refuse.
    pub async fn check(&mut self, image: &str) -> Result<String> {
        let question = CheckRequest { image: image.to_owned(), door: "check".to_owned() };
        let request = Request::post("/v1/check")
            .header("host", "gate")
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(events::Body::encode(question))))?;
        let answer = async {
            self.sender.ready().await?;
            let response = self.sender.send_request(request).await?;
            let status = response.status();
            anyhow::Ok((status, response.into_body().collect().await?.to_bytes()))
        };
        let (status, body) = tokio::time::timeout(PATIENCE, answer).await.context("the gate is silent")??;
        ensure!(status == StatusCode::OK, "the gate answers {status}: {}", String::from_utf8_lossy(&body));
        let answer: Value = serde_json::from_slice(&body)?;
        let decision =
            answer.get("decision").and_then(Value::as_str).context("an answer without a decision")?;
        Ok(decision.to_owned())
    }
}
