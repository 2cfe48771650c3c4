//! "May this image start?", asked by people and tools: over the node's socket and over the bus.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::post,
};
use events::{
    Body as _,
    rpc::{CheckReply, CheckRequest},
};
use verdict::Door;

use crate::{
    facts::{Known, Sources},
    judge::Judge,
};

/// Answers checks; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    pub(crate) sources: Sources,
    pub(crate) judge: Judge,
}

impl Check {
    /// Answers one question; the error says what is wrong with it.
    pub(crate) async fn answer(&self, question: CheckRequest) -> Result<CheckReply, String> {
        let CheckRequest { image, door } = question;
        let door = match door.as_str() {
            "" => Door::Check,
            door => door.parse().map_err(|()| {
                format!("`{door}` is no door; write from, push, pull, create, start or check")
            })?,
        };
        self.judge.ready().await;
        let Known { instances, digest, pinned } =
            self.sources.find(&image).await.map_err(|error| error.to_string())?;
        let verdict = self.judge.decide(&instances, door);
        if verdict.refuses() && door != Door::Check {
            self.judge.report(None, &image, door, &verdict);
        }
        let aged = verdict.aged;
        Ok(CheckReply {
            decision: verdict.decision,
            strict: verdict.strict,
            message: verdict.to_string(),
            digest,
            ban: verdict.ban.as_ref().map(|ban| ban.origin.sequence),
            replacement: verdict.replacement.clone(),
            orders: verdict.as_of.orders,
            resolutions: verdict.as_of.resolutions,
            valid_until: verdict.valid_until,
            path: verdict.path,
            pinned,
            age_ms: aged.and_then(|aged| aged.age).map(|age| age.as_millis().try_into().unwrap_or(u64::MAX)),
            stale: aged.is_some_and(|aged| aged.is_stale()),
        })
    }
}

/// The API on the node's socket.
pub(crate) fn router(check: Check) -> Router {
    Router::new().route("/v1/check", post(over_http)).with_state(check)
}

async fn over_http(State(check): State<Check>, body: Bytes) -> Response {
    let question = match CheckRequest::decode(&body) {
        Ok(question) => question,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    match check.answer(question).await {
        Ok(reply) => ([("content-type", "application/json")], reply.encode()).into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, error).into_response(),
    }
}
