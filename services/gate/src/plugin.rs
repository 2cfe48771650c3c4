//! Docker's authorization plugin: the daemon asks before it acts. What a request means is `docker`'s business; here it is answered.

use std::time::Duration;

use artifact::ImageFacts;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{self, FromRequest as _, State},
    routing::post,
};
use containers::{Container, Runtime};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use service::Context;
use tracing::{info, warn};
use verdict::Door;

use crate::{
    config::{OnFault, OnUnreadableImage},
    docker::{Question, Request, question, removed_image},
    judge::Judge,
    seen::Seen,
};

/// How long the daemon may take to say what it would start. It has no deadline of its own for us (measured: it waits for ever).
const RUNTIME: Duration = Duration::from_secs(3);

/// How long the daemon may take to send what it has begun to send.
const DAEMON: Duration = Duration::from_secs(3);

/// After how long a container whose start was refused is removed, if it was to be removed at its end: the client waits for that end, and
/// must have been told of the refusal first.
const REMOVAL: Duration = Duration::from_millis(50);

/// Answers the daemon; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Plugin {
    pub(crate) runtime: Option<Runtime>,
    pub(crate) judge: Judge,
    pub(crate) context: Context,
    pub(crate) on_fault: OnFault,
    pub(crate) on_unreadable_image: OnUnreadableImage,
    pub(crate) seen: Seen,
}

/// The plugin's API, as docs.docker.com has it under "Access authorization plugin".
pub(crate) fn router(plugin: Plugin) -> Router {
    formalities()
        .route("/AuthZPlugin.AuthZReq", post(request))
        // A request's own body comes inside ours in base64, and is cut by the daemon at 1 MiB.
        .layer(extract::DefaultBodyLimit::max(8 << 20))
        .with_state(plugin)
}

/// What is answered without judgement.
fn formalities<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/Plugin.Activate", post(async || Json(json!({"Implements": ["authz"]}))))
        .route("/AuthZPlugin.AuthZRes", post(response))
}

/// The answer of the daemon holds nothing to judge: what was to be refused was refused before. It is read to its end all the same: a
/// connection whose request was not is closed after the answer, and the daemon's next question, already on its way, would be lost.
async fn response(mut body: Body) -> Json<Value> {
    let read = async { while let Some(Ok(_)) = body.frame().await {} };
    if tokio::time::timeout(DAEMON, read).await.is_err() {
        warn!("The daemon did not send the whole of an answer; its connection ends.");
    }
    Json(json!({"Allow": true}))
}

/// The daemon's question; the error is what it is told.
async fn question_of(request: extract::Request) -> Result<Bytes, String> {
    match tokio::time::timeout(DAEMON, Bytes::from_request(request, &())).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => Err(format!("the daemon's question cannot be read: {error}")),
        Err(_) => {
            Err(format!("the daemon's question did not come whole within {} s; try again", DAEMON.as_secs()))
        }
    }
}

async fn request(State(plugin): State<Plugin>, request: extract::Request) -> Json<Value> {
    let body = match question_of(request).await {
        Ok(body) => body,
        Err(reason) => return told(plugin.unread(&reason)),
    };
    if body.is_empty() {
        // Docker's client asks again after a broken connection, but has spent the question on the first one.
        let reason =
            "the daemon's question came empty, as it does after its connection to this gate broke; try again";
        return told(plugin.unread(reason));
    }
    // Not by the framework's own reader: the daemon sends no content type.
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return told(plugin.unread(&format!("the daemon's question cannot be read: {error}"))),
    };
    if let Some(image) = removed_image(&request) {
        plugin.see_before_removal(&image).await;
    }
    told(plugin.answer(&question(&request)).await)
}

fn told(answer: Result<(), String>) -> Json<Value> {
    match answer {
        Ok(()) => Json(json!({"Allow": true})),
        Err(reason) => Json(json!({"Allow": false, "Msg": reason})),
    }
}

impl Plugin {
    async fn answer(&self, question: &Question) -> Result<(), String> {
        match question {
            Question::Pass => Ok(()),
            Question::Create { image, mounted, name: _ } => {
                self.judge.ready().await;
                for image in std::iter::once(image).chain(mounted) {
                    self.create(image).await?;
                }
                Ok(())
            }
            Question::Start { container } => {
                self.judge.ready().await;
                self.start(container).await
            }
            Question::Pull { reference } => {
                // Only the name is known before it is here; its layers are judged when it is to start.
                let named = ImageFacts { references: vec![reference.clone()], ..ImageFacts::default() };
                self.judge_by_name(named, &reference.to_string(), Door::Pull)
            }
            Question::Refuse { reason } => self.unread(&reason.to_string()),
        }
    }

    /// A request that cannot be read may be one to create or to start: it would walk around either door that is closed. Where none is, it stops
    /// nobody.
    fn unread(&self, reason: &str) -> Result<(), String> {
        if self.judge.enforces(Door::Create) || self.judge.enforces(Door::Start) {
            warn!(reason, "A request is refused, since it cannot be read.");
            return Err(reason.to_owned());
        }
        info!(reason, "An enforcing door would refuse this request.");
        Ok(())
    }

    async fn create(&self, image: &str) -> Result<(), String> {
        match self.ask(|runtime| async move { runtime.image(image).await }).await {
            Ok(Some(found)) => {
                self.seen.see(&found.id, &found.facts);
                self.judge_facts(found.facts, image, None, Door::Create)
            }
            Ok(None) => {
                // It is not here: the daemon says so itself, and nothing is made. A banned name is refused all the same.
                let references = image.parse().ok().into_iter().collect();
                self.judge_by_name(ImageFacts { references, ..ImageFacts::default() }, image, Door::Create)
            }
            Err(fault) => self.cannot_tell(image, Door::Create, &fault),
        }
    }

    async fn start(&self, container: &str) -> Result<(), String> {
        match self.ask(|runtime| async move { runtime.container(container).await }).await {
            Ok(Some(found)) => {
                let judged = self.judge_container(&found);
                if judged.is_err() && found.is_removed_at_end {
                    self.remove_soon(found);
                }
                judged
            }
            // There is no such container: the daemon says so itself.
            Ok(None) => Ok(()),
            Err(fault) => self.cannot_tell(container, Door::Start, &fault),
        }
    }

    /// Judges a container by its image, or by what that was when it was last seen.
    fn judge_container(&self, container: &Container) -> Result<(), String> {
        let Container { id, image_id, image_name, facts, .. } = container;
        if facts.is_resolved() {
            self.seen.see(image_id, facts);
        } else if let Some(seen) = self.seen.recall(image_id) {
            // Its names may be others' by now. They can only make the verdict stricter.
            let mut facts = facts.clone();
            facts.references.extend(seen.references);
            facts.digests.extend(seen.digests);
            facts.claimed_bases.extend(seen.claimed_bases);
            (facts.layers, facts.platform) = (seen.layers, seen.platform);
            return self.judge_facts(facts, image_name, Some(id.as_str()), Door::Start);
        } else if self.on_unreadable_image == OnUnreadableImage::Deny {
            let verdict = self.judge.decide_unreadable(facts, Door::Start);
            return self.answer_by(&verdict, image_name, Some(id.as_str()), Door::Start);
        }
        self.judge_facts(facts.clone(), image_name, Some(id.as_str()), Door::Start)
    }

    /// A removal is let pass, and what is removed is looked at first: a container may outlive it.
    async fn see_before_removal(&self, image: &str) {
        if let Ok(Some(found)) = self.ask(|runtime| async move { runtime.image(image).await }).await {
            self.seen.see(&found.id, &found.facts);
        }
    }

    fn judge_facts(
        &self,
        facts: ImageFacts,
        image: &str,
        container: Option<&str>,
        door: Door,
    ) -> Result<(), String> {
        self.answer_by(&self.judge.decide(&[facts], door), image, container, door)
    }

    fn answer_by(
        &self,
        verdict: &verdict::Verdict,
        image: &str,
        container: Option<&str>,
        door: Door,
    ) -> Result<(), String> {
        if verdict.refuses() {
            self.judge.report(container, image, door, verdict);
            return Err(verdict.to_string());
        }
        self.judge.warn_if_stale(image, door, verdict);
        Ok(())
    }

    /// Judges what is known by name alone, where more will be known before anything starts: only a ban of the name itself refuses, and a state
    /// that the enforcement point must not answer from.
    fn judge_by_name(&self, named: ImageFacts, image: &str, door: Door) -> Result<(), String> {
        use verdict::Rule::{Banned, Behind, Stale};
        let verdict = self.judge.decide(&[named], door);
        let must_hold = match verdict.rule {
            Banned(_) | Behind => true,
            // A pull starts nothing, and a gate that has read nothing yet lets it pass.
            Stale => door == Door::Pull,
            _ => false,
        };
        if verdict.refuses() && must_hold {
            self.judge.report(None, image, door, &verdict);
            return Err(verdict.to_string());
        }
        self.judge.warn_if_stale(image, door, &verdict);
        Ok(())
    }

    fn cannot_tell(&self, what: &str, door: Door, fault: &str) -> Result<(), String> {
        warn!(what, %door, fault, "The runtime does not say what would start.");
        match self.on_fault {
            OnFault::Closed if self.judge.enforces(door) => Err(format!(
                "{what} cannot be judged, since the runtime does not say what it is: {fault}; try again"
            )),
            OnFault::Closed | OnFault::Open => Ok(()),
        }
    }

    async fn ask<'a, T, A>(&'a self, question: impl FnOnce(&'a Runtime) -> A) -> Result<T, String>
    where
        A: Future<Output = Result<T, containers::Error>>,
    {
        let runtime = self.runtime.as_ref().ok_or_else(|| "[gate] names no runtime".to_owned())?;
        match tokio::time::timeout(RUNTIME, question(runtime)).await {
            Ok(answer) => answer.map_err(|error| telemetry::Chain(&error).to_string()),
            Err(_) => Err(format!("no answer within {} s", RUNTIME.as_secs())),
        }
    }

    fn remove_soon(&self, container: Container) {
        let Some(runtime) = self.runtime.clone() else { return };
        let stop = self.context.stop.clone();
        self.context.tasks.spawn(async move {
            if stop.run_until_cancelled(tokio::time::sleep(REMOVAL)).await.is_some()
                && let Err(error) = runtime.remove(&container.id).await
            {
                warn!(error = %telemetry::Chain(&error), container = %container.id, "A refused container could not be removed.");
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::UnixStream,
        time::timeout,
    };
    use tokio_util::sync::CancellationToken;

    use super::*;

    const HEAD: &[u8] = b"POST /AuthZPlugin.AuthZRes HTTP/1.1\r\nHost: plugin\r\nContent-Length: 2\r\n\r\n";

    async fn answer(connection: &mut UnixStream) -> String {
        let mut text = vec![0; 1024];
        let read = connection.read(&mut text).await.unwrap();
        String::from_utf8_lossy(&text[..read]).into_owned()
    }

    /// A plugin's socket without judgement, and a connection to it; gone with the folder.
    async fn connected(stop: &CancellationToken) -> (tempfile::TempDir, UnixStream) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plugin.sock");
        tokio_util::task::TaskTracker::new().spawn(crate::socket::serve(
            crate::socket::listen(&path).unwrap(),
            formalities()
                .route("/question", post(async |asked| question_of(asked).await.err().unwrap_or_default())),
            stop.clone(),
        ));
        let connection = UnixStream::connect(&path).await.unwrap();
        (folder, connection)
    }

    #[tokio::test]
    async fn a_connection_lives_on_when_the_daemons_answer_comes_in_pieces() {
        let stop = CancellationToken::new();
        let (_folder, mut connection) = connected(&stop).await;
        connection.write_all(HEAD).await.unwrap();
        // A gate that does not read on has its chance to answer now, and to hang up.
        let early = timeout(Duration::from_millis(200), answer(&mut connection)).await;
        assert!(early.is_err(), "{early:?}");
        connection.write_all(b"{}").await.unwrap();
        assert!(answer(&mut connection).await.ends_with(r#"{"Allow":true}"#));
        connection.write_all(&[HEAD, b"{}"].concat()).await.unwrap();
        assert!(answer(&mut connection).await.ends_with(r#"{"Allow":true}"#));
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_comes_whole_is_not_waited_for() {
        let stop = CancellationToken::new();
        let (_folder, mut connection) = connected(&stop).await;
        connection.write_all(HEAD).await.unwrap();
        let said = timeout(DAEMON * 2, answer(&mut connection)).await.expect("the gate waits for ever");
        assert!(said.ends_with(r#"{"Allow":true}"#), "{said}");
        let (_folder, mut connection) = connected(&stop).await;
        connection
            .write_all(b"POST /question HTTP/1.1\r\nHost: plugin\r\nContent-Length: 2\r\n\r\n{")
            .await
            .unwrap();
        let said = timeout(DAEMON * 2, answer(&mut connection)).await.expect("the gate waits for ever");
        assert!(said.contains("did not come whole within 3 s"), "{said}");
        stop.cancel();
    }
}
