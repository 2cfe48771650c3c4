//! Ask and answer: the NATS micro-service API, so that `$SRV.INFO` lists every service and its questions.

use std::{future::Future, sync::Arc, time::Duration};

use async_nats::service::{Service, ServiceExt as _, error::Error as ServiceError};
use events::{Body, Request};
use futures::StreamExt as _;
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument as _, debug, info_span};

use crate::{
    connection::{Connection, Error},
    headers,
};

/// How many questions are answered at once; more wait in the connection.
const AT_ONCE: usize = 64;

/// A service that is listed on the broker; it is gone when this is dropped.
pub struct Listed {
    service: Service,
    connection: Connection,
}

impl Connection {
    /// Lists this process as `name` on the broker.
    pub async fn list(&self, name: &str, description: &str) -> Result<Listed, Error> {
        let service = self
            .client
            .service_builder()
            .description(description)
            .start(name, env!("CARGO_PKG_VERSION"))
            .await
            .map_err(|error| Error::broker(format!("list the service {name}"), error))?;
        Ok(Listed { service, connection: self.clone() })
    }

    /// Asks a question and waits at most `patience` for the answer.
    pub async fn ask<R: Request + Body>(&self, question: R, patience: Duration) -> Result<R::Reply, Error> {
        let subject = R::SUBJECT;
        let mut trace = async_nats::HeaderMap::new();
        headers::add_trace(&mut trace);
        let request = async_nats::Request::new()
            .payload(Body::encode(question).into())
            .headers(trace)
            .timeout(Some(patience));
        let reply = self.client.send_request(subject, request).await;
        let reply = reply.map_err(|error| Error::broker(format!("answer on {subject}"), error))?;
        if let Some(message) = reply.headers.as_ref().and_then(|headers| headers.get("Nats-Service-Error")) {
            return Err(Error::Answer { subject: subject.to_owned(), message: message.to_string() });
        }
        R::Reply::decode(&reply.payload)
            .map_err(|source| Error::Unreadable { subject: subject.to_owned(), source })
    }
}

impl Listed {
    /// Answers `R` until `stop`; the error text is what the asker is told.
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
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let (inner, stop, connection) = (tasks.clone(), stop.clone(), self.connection.clone());
        tasks.spawn(async move {
            while let Some(Some(question)) = stop.run_until_cancelled(questions.next()).await {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                let answer = Arc::clone(&answer);
                // Held so that the connection outlives its last answer.
                let connection = connection.clone();
                inner.spawn(async move {
                    let span = info_span!(
                        "answer",
                        otel.name = format!("answer {}", R::SUBJECT),
                        otel.kind = "server"
                    );
                    telemetry::adopt(&span, &headers::trace_of(question.message.headers.as_ref()));
                    let reply = async {
                        match R::decode(&question.message.payload) {
                            Ok(asked) => answer(asked).await.map(|reply| reply.encode().into()),
                            Err(error) => Err(error.to_string()),
                        }
                    };
                    let reply =
                        reply.instrument(span).await.map_err(|status| ServiceError { status, code: 400 });
                    if let Err(error) = question.respond(reply).await {
                        debug!(%error, "An answer found nobody.");
                    }
                    drop((slot, connection));
                });
            }
        });
        Ok(())
    }
}
