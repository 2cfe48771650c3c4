//! A NATS client that shares no code with ours: Python's `nats-py`, or raw bytes on a socket. Only a speaker, not a consumer.
//!
//! Orders in tests and in the demo come from it, so that an operator's own tools are what is proved to work.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::command::run_with_input;
use crate::tools;

/// How long the server or a responder may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The start of Python on a busy machine on top of that.
const RUN: Duration = Duration::from_secs(40);

/// What came of something that was said. A server that cannot be reached is an error instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The stream has it: JetStream's acknowledgement.
    Stored {
        /// The stream's name.
        stream: String,
        /// The message's sequence in it.
        sequence: u64,
    },
    /// The server took it without objecting; nobody acknowledged, and nobody was asked to.
    Sent,
    /// The server, the stream or the lack of a responder refused it.
    Refused(String),
    /// Nobody answered in time.
    Silent,
}

/// The client with one user's identity.
#[derive(Debug, Clone)]
pub struct ForeignClient {
    url: String,
    seed_file: PathBuf,
    inbox_prefix: String,
}

impl ForeignClient {
    /// A client of the server at `url` (`nats://host:port`) that signs with the nkey seed in `seed_file`.
    #[must_use]
    pub fn new(url: impl Into<String>, seed_file: impl Into<PathBuf>) -> Self {
        Self { url: url.into(), seed_file: seed_file.into(), inbox_prefix: "_INBOX".to_owned() }
    }

    /// The same client, taking answers below `prefix`: for users who may subscribe to their own inbox only.
    #[must_use]
    pub fn with_inbox_prefix(self, prefix: impl Into<String>) -> Self {
        Self { inbox_prefix: prefix.into(), ..self }
    }

    /// Publishes `body` and waits for the acknowledgement of the stream that has `subject`.
    ///
    /// # Errors
    /// When the server cannot be reached, or somebody else than a stream answered.
    pub async fn publish(&self, subject: &str, body: &[u8]) -> Result<Outcome> {
        let (outcome, answer) = self.say("request", subject, None, body).await?;
        let Some(answer) = answer else { return Ok(outcome) };
        let answer: Value = serde_json::from_str(&answer).context("reading the acknowledgement")?;
        if let Some(error) = answer.get("error") {
            let reason = error.get("description").and_then(Value::as_str).unwrap_or("no description");
            return Ok(Outcome::Refused(reason.to_owned()));
        }
        let stream = answer.get("stream").and_then(Value::as_str);
        let sequence = answer.get("seq").and_then(Value::as_u64);
        let (Some(stream), Some(sequence)) = (stream, sequence) else {
            bail!("{subject} was answered by something that is no stream: {answer}");
        };
        Ok(Outcome::Stored { stream: stream.to_owned(), sequence })
    }

    /// Publishes `body` without asking for an acknowledgement, as plain `nats pub` does.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send(&self, subject: &str, body: &[u8]) -> Result<Outcome> {
        Ok(self.say("send", subject, None, body).await?.0)
    }

    /// Puts `PUB subject [reply]` on a socket by hand: for what a well-behaved client would not say.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn send_raw(&self, subject: &str, reply: Option<&str>, body: &[u8]) -> Result<Outcome> {
        Ok(self.say("raw", subject, reply, body).await?.0)
    }

    /// Sends a request and yields the answer's body, which must be UTF-8, as all bodies of the bus are.
    ///
    /// # Errors
    /// When the server cannot be reached, refuses, or nobody answers.
    pub async fn request(&self, subject: &str, body: &[u8]) -> Result<String> {
        let (outcome, answer) = self.say("request", subject, None, body).await?;
        answer.with_context(|| format!("asking {subject}: {outcome:?}"))
    }

    /// What came of it, and the answer's body if there is one.
    async fn say(
        &self,
        verb: &str,
        subject: &str,
        reply: Option<&str>,
        body: &[u8],
    ) -> Result<(Outcome, Option<String>)> {
        let mut command = Command::new(tools::python());
        command
            .args(["-c", include_str!("foreign/client.py"), verb])
            .args(["--url", &self.url, "--subject", subject, "--inbox-prefix", &self.inbox_prefix])
            .args(["--reply", reply.unwrap_or_default(), "--timeout", &ANSWER.as_secs().to_string()])
            .arg("--seed")
            .arg(&self.seed_file);
        let mut finished = run_with_input(command, body, RUN).await.context("running the foreign client")?;
        // The command line holds the whole script: it would drown the message.
        finished.line = format!("foreign client {verb} {subject}");
        let line = finished.success()?;
        let said: Value = serde_json::from_str(&line).with_context(|| format!("reading {line:?}"))?;
        let text = |name| said.get(name).and_then(Value::as_str).unwrap_or_default();
        Ok(match text("outcome") {
            "sent" => (Outcome::Sent, None),
            "silent" => (Outcome::Silent, None),
            "refused" => (Outcome::Refused(text("reason").to_owned()), None),
            "answered" => (Outcome::Sent, Some(text("body").to_owned())),
            other => bail!("the foreign client said {other:?}"),
        })
    }
}

#[cfg(test)]
mod tests;
