//! `POST /webhooks/<source>`: who sends is checked over the raw body, and what is sent is answered when everything that it means is
//! stored. Senders repeat what is not answered 2xx, so the answer is the promise.
//!
//! | status | meaning | the sender |
//! | --- | --- | --- |
//! | 202 | stored, or of no interest | forgets it |
//! | 400 | no webhook of the source's kind | shows the reason to whoever configured it |
//! | 401 | signature missing or wrong | the same |
//! | 404 | no such source | the same |
//! | 413 | larger than any webhook | the same |
//! | 503 | not stored yet | sends it again, and finds it done |

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use artifact::Digest;
use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use tokio::time::timeout;
use tracing::{Instrument as _, debug, info_span, warn};

use crate::{
    config::Source,
    desk::{Desk, Progress},
    error::Error,
    hint::{self, About, Hint},
    images::Images,
    memory::Memory,
    signature,
    sources::Sources,
};

/// Above the largest push that a git host describes in one webhook.
const BODY_BYTES: usize = 1 << 20;

/// For a body to arrive; senders are done in milliseconds or gone.
const BODY_TIME: Duration = Duration::from_secs(10);

/// What the receiver works with; cheap to clone.
#[derive(Clone)]
pub(crate) struct Receiver {
    pub(crate) known: Arc<BTreeMap<String, Source>>,
    pub(crate) desk: Desk,
    pub(crate) memory: Memory,
    pub(crate) images: Images,
    pub(crate) sources: Sources,
}

type Answer = (StatusCode, String);

pub(crate) fn router(receiver: Receiver) -> Router {
    Router::new().route("/webhooks/{source}", post(receive)).with_state(receiver)
}

async fn receive(
    State(receiver): State<Receiver>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Answer {
    let span = info_span!("webhook", otel.kind = "server", source = name);
    async {
        let (status, said) = receiver.answer(&name, &headers, body).await.unwrap_or_else(|refusal| refusal);
        if status.is_client_error() {
            warn!(%status, said, "A webhook was refused.");
        } else {
            debug!(%status, "A webhook was answered.");
        }
        (status, said + "\n")
    }
    .instrument(span)
    .await
}

impl Receiver {
    async fn answer(&self, name: &str, headers: &HeaderMap, body: Body) -> Result<Answer, Answer> {
        let source = self.known.get(name).ok_or_else(|| (StatusCode::NOT_FOUND, unknown(name)))?;
        let body = match timeout(BODY_TIME, to_bytes(body, BODY_BYTES)).await {
            Ok(Ok(body)) => body,
            Ok(Err(_)) => {
                let said = format!("the body broke off, or is larger than {BODY_BYTES} bytes");
                return Err((StatusCode::PAYLOAD_TOO_LARGE, said));
            }
            Err(_) => return Err((StatusCode::REQUEST_TIMEOUT, "the body did not arrive".to_owned())),
        };
        signature::verify(source, headers, &body)
            .map_err(|error| (StatusCode::UNAUTHORIZED, error.to_string()))?;
        let hints = hint::read(source, headers, &body)
            .map_err(|error| (StatusCode::BAD_REQUEST, telemetry::Chain(&error).to_string()))?;
        Ok(self.settle(name, hints, source.kind.patience()).await)
    }

    /// Follows all hints and says, in time for the sender, whether all are settled.
    async fn settle(&self, name: &str, hints: Vec<Hint>, patience: Duration) -> Answer {
        let followed: Vec<_> = hints.into_iter().map(|hint| self.follow(name, hint)).collect();
        let settled = async {
            for progress in followed {
                let Some(mut progress) = progress else { return false };
                // An error is a task that died.
                let ended = progress.wait_for(|progress| *progress != Progress::Open).await;
                if !ended.is_ok_and(|ended| *ended == Progress::Settled) {
                    return false;
                }
            }
            true
        };
        match timeout(patience, settled).await {
            Ok(true) => (StatusCode::ACCEPTED, "stored".to_owned()),
            Ok(false) => {
                (StatusCode::SERVICE_UNAVAILABLE, "it could not be stored; send it again".to_owned())
            }
            Err(_) => {
                let said =
                    "it is being looked at, which takes longer than you wait; send it again".to_owned();
                (StatusCode::SERVICE_UNAVAILABLE, said)
            }
        }
    }

    fn follow(&self, name: &str, hint: Hint) -> Option<tokio::sync::watch::Receiver<Progress>> {
        let Hint { id, about } = hint;
        let cause = format!("webhook/{name}/{id}");
        let receiver = self.clone();
        let work = {
            let cause = cause.clone();
            move || async move { receiver.look(about, &cause).await }
        };
        // Senders choose their ids, and their length.
        self.desk.follow(Digest::of(cause.as_bytes()).as_str(), work)
    }

    async fn look(&self, about: About, cause: &str) -> Result<(), Error> {
        match about {
            About::Pushed { repository, tag, digest } => {
                self.images.pushed(&repository, tag.as_ref(), &digest, cause).await
            }
            About::Deleted { repository, digest } => self.images.deleted(&repository, &digest, cause).await,
            About::Untagged(image) => self.images.untagged(&image, cause).await,
            About::Branch { places, branch } => {
                let projects = self.memory.built_from(&places, &branch);
                if projects.is_empty() {
                    debug!(?places, branch, "No project is built from this branch.");
                }
                for project in projects {
                    self.sources.moved(&project, cause).await?;
                }
                Ok(())
            }
        }
    }
}

fn unknown(name: &str) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).take(100).collect();
    format!(
        "no source `{name}` is configured; add [watcher.sources.<name>] with kind = \"distribution\", \"gitea\", \"github\" or \
         \"gitlab\" and its secret to the watcher's configuration"
    )
}
