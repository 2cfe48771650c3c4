//! Ask and answer: the NATS micro-service API, so that `$SRV.INFO` lists every service and its questions.

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::service::{Service, ServiceExt as _, endpoint::Endpoint, error::Error as ServiceError};
use bytes::Bytes;
use events::{Body, Request};
use futures::StreamExt as _;
use serde_json::json;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, debug, info_span};

use crate::{
    connection::{Connection, Error},
    headers,
};

/// How many questions are answered at once.
const AT_ONCE: usize = 64;

/// How many may be here at all; whoever comes when this many are is told so at once.
const HERE: usize = 1024;

/// How long an answer may take where the asker does not say how long it waits: inside the five seconds of the stock clients.
const UNSAID: Duration = Duration::from_secs(4);

/// How long an answer may take at most: inside the thirty seconds for which the broker lets it out.
const LONGEST: Duration = Duration::from_secs(25);

/// Where an asker says how many milliseconds it waits.
const PATIENCE: &str = "Plimsoll-Patience-Ms";

/// The error codes of an answer: the question is wrong; the answer is larger than the broker takes; too many ask; the answer took too long.
const WRONG: usize = 400;
const LARGE: usize = 413;
const BUSY: usize = 503;
const TOO_SLOW: usize = 504;

/// A service that is listed on the broker; it is gone when this is dropped.
pub struct Listed {
    service: Service,
    connection: Connection,
    /// Exists for its data alone, and answers nothing.
    _condition: Endpoint,
}

impl Connection {
    /// Lists this process as `name` on the broker, and says what is wrong with it, which are its [`Conditions`](crate::Conditions): `$SRV.INFO` as it was
    /// when it was listed (metadata, which the protocol has fixed from then on), `$SRV.STATS` as it is (the data of each endpoint; every service has at
    /// least the endpoint `condition`).
    pub async fn list(&self, name: &str, description: &str) -> Result<Listed, Error> {
        let failed = |error| Error::broker(format!("list the service {name}"), error);
        let conditions = self.conditions().clone();
        let said = conditions.all().join("; ");
        let metadata = (!said.is_empty()).then_some(("condition".to_owned(), said));
        let service = self
            .client
            .service_builder()
            .description(description)
            .metadata(metadata.into_iter().collect())
            .stats_handler(move |_, _| json!({"conditions": conditions.all()}))
            .start(name, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(failed)?;
        // Below what every process may hear in any case.
        let condition =
            service.endpoint_builder().name("condition").add(format!("$SRV.STATS.{name}.condition"));
        let condition = condition.await.map_err(failed)?;
        Ok(Listed { service, connection: self.clone(), _condition: condition })
    }

    /// Asks a question and waits at most `patience` for the answer. A question that the broker does not take is an error at once, and so is an answer:
    /// whoever answers says by how much it is too large.
    pub async fn ask<R: Request + Body>(&self, question: R, patience: Duration) -> Result<R::Reply, Error> {
        let subject = R::SUBJECT;
        let payload = Body::encode(question);
        self.fits(format_args!("the question on {subject}"), payload.len())?;
        let mut trace = async_nats::HeaderMap::new();
        headers::add_trace(&mut trace);
        trace.insert(PATIENCE, patience.as_millis().to_string().as_str());
        let request =
            async_nats::Request::new().payload(payload.into()).headers(trace).timeout(Some(patience));
        let reply = self.client.send_request(subject, request).await;
        let reply = reply.map_err(|error| Error::broker(format!("answer on {subject}"), error))?;
        let header = |name: &str| Some(reply.headers.as_ref()?.get(name)?.to_string());
        if let Some(message) = header("Nats-Service-Error") {
            let subject = subject.to_owned();
            let code = header("Nats-Service-Error-Code").and_then(|code| code.parse().ok());
            return Err(match code {
                Some(BUSY | TOO_SLOW) => Error::Unanswered { subject, message },
                _ => Error::Answer { subject, message },
            });
        }
        R::Reply::decode(&reply.payload)
            .map_err(|source| Error::Unreadable { subject: subject.to_owned(), source })
    }
}

impl Listed {
    /// Answers `R` until `stop`; the error text is what the asker is told. Whoever asks is answered before their patience ends: a handler
    /// that takes longer is dropped, and the asker is told that it was too slow.
    pub async fn answer<R, F, A>(
        &self,
        tasks: &TaskTracker,
        stop: &CancellationToken,
        answer: F,
    ) -> Result<(), Error>
    where
        R: Request + Body + Send + 'static,
        R::Reply: Send,
        F: Fn(R) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R::Reply, String>> + Send,
    {
        // Endpoint names may hold no dots; the last token is the verb.
        let name = R::SUBJECT.rsplit('.').next().unwrap_or(R::SUBJECT);
        let endpoint = self.service.endpoint_builder().name(name).add(R::SUBJECT).await;
        let mut questions =
            endpoint.map_err(|error| Error::broker(format!("listen on {}", R::SUBJECT), error))?;
        let answer = Arc::new(answer);
        let here = Arc::new(Semaphore::new(HERE));
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let (inner, stop, connection) = (tasks.clone(), stop.clone(), self.connection.clone());
        tasks.spawn(async move {
            while let Some(Some(question)) = stop.run_until_cancelled(questions.next()).await {
                let Ok(place) = Arc::clone(&here).try_acquire_owned() else {
                    respond(question, Err(busy())).await;
                    continue;
                };
                let (answer, slots) = (Arc::clone(&answer), Arc::clone(&slots));
                // Held so that the connection outlives its last answer.
                let connection = connection.clone();
                inner.spawn(async move {
                    let bound = time_for(question.message.headers.as_ref());
                    let reply = async {
                        let _slot = slots.acquire().await;
                        answer_one(&connection, &question.message, &*answer).await
                    };
                    let reply = tokio::time::timeout(bound, reply).await;
                    respond(question, reply.unwrap_or_else(|_| Err(too_slow(bound)))).await;
                    drop((place, connection));
                });
            }
        });
        Ok(())
    }
}

async fn answer_one<R, F, A>(
    connection: &Connection,
    question: &async_nats::Message,
    answer: &F,
) -> Result<Bytes, ServiceError>
where
    R: Request + Body,
    F: Fn(R) -> A,
    A: Future<Output = Result<R::Reply, String>>,
{
    let span = info_span!("answer", otel.name = format!("answer {}", R::SUBJECT), otel.kind = "server");
    telemetry::adopt(&span, &headers::trace_of(question.headers.as_ref()));
    let reply = async {
        match R::decode(&question.payload) {
            Ok(asked) => answer(asked).await,
            Err(error) => Err(error.to_string()),
        }
    };
    let reply = reply.instrument(span).await.map_err(|status| ServiceError { status, code: WRONG })?;
    let reply = reply.encode();
    // Sent all the same it would never leave, and its asker would wait in vain.
    connection
        .fits("the answer", reply.len())
        .map_err(|error| ServiceError { status: error.to_string(), code: LARGE })?;
    Ok(reply.into())
}

async fn respond(question: async_nats::service::Request, reply: Result<Bytes, ServiceError>) {
    match tokio::time::timeout(LONGEST, question.respond(reply)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "An answer found nobody."),
        Err(_) => debug!("An answer could not be sent."),
    }
}

/// How long there is to answer: what the asker says, less the way back.
fn time_for(headers: Option<&async_nats::HeaderMap>) -> Duration {
    let said = headers.and_then(|headers| headers.get(PATIENCE)?.as_str().parse().ok());
    said.map_or(UNSAID, |patience| (Duration::from_millis(patience) * 9 / 10).min(LONGEST))
}

fn busy() -> ServiceError {
    ServiceError { status: format!("{HERE} questions are waiting already; ask again later"), code: BUSY }
}

fn too_slow(bound: Duration) -> ServiceError {
    ServiceError { status: format!("no answer was found within {bound:?}; ask again"), code: TOO_SLOW }
}
