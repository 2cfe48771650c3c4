//! The driver for Docker's Engine API over a unix socket, and for whatever else answers it. Not Docker's client for people.

mod events;
mod exec;
mod image;
mod inventory;
mod stop;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use bollard::{API_DEFAULT_VERSION, errors::Error as Bollard};
use tokio::{sync::OnceCell, time::timeout};

use crate::{config::Config, error::Error};

/// Longer messages are cut: Docker may quote what a plugin said.
const LONGEST_MESSAGE: usize = 500;

/// A client of one daemon. Clones share the version that was agreed with it.
#[derive(Debug, Clone)]
pub(crate) struct Docker {
    socket: PathBuf,
    limit: Duration,
    client: Arc<OnceCell<bollard::Docker>>,
}

impl Docker {
    pub(crate) fn new(config: &Config) -> Self {
        Self { socket: config.socket.clone(), limit: config.timeout, client: Arc::default() }
    }

    /// The client, after the API's version was agreed once: every daemon refuses versions newer than its own, and
    /// new daemons refuse old ones. It opens a connection a request, so it outlives restarts of the daemon.
    async fn client(&self) -> Result<&bollard::Docker, Error> {
        let subject = "the version of its interface";
        self.client
            .get_or_try_init(|| async {
                let socket = self.socket.to_str().ok_or_else(|| Error::Request {
                    subject: subject.to_owned(),
                    source: format!("the path {} is not UTF-8", self.socket.display()).into(),
                })?;
                // Its bound is in whole seconds; ours comes first.
                let seconds = self.limit.as_secs().saturating_add(1);
                let client = bollard::Docker::connect_with_unix(socket, seconds, API_DEFAULT_VERSION)
                    .map_err(|error| self.failed(subject, error))?;
                self.bounded(subject, client.negotiate_version()).await
            })
            .await
    }

    /// What a request came to, within the configured bound; `subject` is for messages.
    async fn bounded<T>(
        &self,
        subject: impl fmt::Display,
        request: impl Future<Output = Result<T, Bollard>>,
    ) -> Result<T, Error> {
        match timeout(self.limit, request).await {
            Ok(answer) => answer.map_err(|error| self.failed(subject, error)),
            Err(_) => Err(Error::TimedOut { subject: subject.to_string(), limit: self.limit }),
        }
    }

    fn failed(&self, subject: impl fmt::Display, error: Bollard) -> Error {
        let subject = subject.to_string();
        match error {
            Bollard::DockerResponseServerError { status_code, message } => {
                let message: String = message.trim().chars().take(LONGEST_MESSAGE).collect();
                match status_code {
                    404 => Error::NotFound { subject },
                    409 => Error::NotRunning { subject, message },
                    status => Error::Refused { subject, status, message },
                }
            }
            Bollard::RequestTimeoutError => Error::TimedOut { subject, limit: self.limit },
            Bollard::JsonDataError { message, column } => {
                Error::Malformed { subject, reason: format!("{message} (column {column})") }
            }
            Bollard::JsonSerdeError { err } => Error::Malformed { subject, reason: err.to_string() },
            Bollard::APIVersionParseError {} => {
                Error::Malformed { subject, reason: "the version is none".to_owned() }
            }
            source @ (Bollard::SocketNotFoundError(_)
            | Bollard::HyperLegacyError { .. }
            | Bollard::HyperResponseError { .. }
            | Bollard::IOError { .. }) => {
                Error::Unreachable { subject, socket: self.socket.clone(), source: source.into() }
            }
            source => Error::Request { subject, source: source.into() },
        }
    }
}

/// `None` for what the runtime says it does not have.
fn found<T>(answer: Result<T, Error>) -> Result<Option<T>, Error> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
