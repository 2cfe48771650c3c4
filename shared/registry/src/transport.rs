//! Exchanges with a registry: bounded in time and size, retried, authorised. Not what is exchanged.

use std::time::Duration;

use artifact::Repository;
use reqwest::{RequestBuilder, Response, StatusCode, Url, redirect};

use crate::{
    Error, Result,
    authority::{Authority, Scope},
    blob::{BlobStore, Blobs},
    config::Config,
};

/// A connection that is not made in this time will not be made.
const CONNECT_BOUND: Duration = Duration::from_secs(10);
/// Tries after the first one, within one call: they bridge a dropped connection; an outage is the caller's to wait out.
const QUICK_RETRIES: u32 = 2;
/// Pause before the first retry; the second waits twice as long; both jittered by half, so that callers spread out.
const RETRY_PAUSE_MS: u64 = 100;
/// What is read of an error's body.
const MESSAGE_BYTES: u64 = 16 * 1024;
/// What is shown of it.
const MESSAGE_CHARACTERS: usize = 300;
/// Blob stores redirect once or twice.
const MAX_REDIRECTS: usize = 5;

/// The pooled connections of all our exchanges.
pub(crate) struct Transport {
    pub(crate) config: Config,
    authority: Authority,
    http: reqwest::Client,
    blobs: Blobs,
}

impl Transport {
    pub(crate) fn new(config: Config) -> Result<Self> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_BOUND.min(config.timeout))
            .redirect(redirect::Policy::custom(follow))
            .build()
            .map_err(|source| Error::Setup { source: Box::new(source) })?;
        let blobs = Blobs::new(&config)?;
        Ok(Self { authority: Authority::new(http.clone(), config.clone()), config, http, blobs })
    }

    /// The address of `path` (with a leading slash) at `host`.
    pub(crate) fn url(&self, host: &str, path: &str) -> Result<Url> {
        address(&self.config, host, path)
    }

    /// Sends a request with our credentials for `scope`; answers with a success or an error.
    ///
    /// A refused token is thrown away and asked for once more, since a registry may end it before its time.
    pub(crate) async fn send(
        &self,
        scope: &Scope,
        subject: &str,
        request: impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response> {
        let mut response = self.send_once(scope, subject, &request).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            self.authority.forget(scope);
            response = self.send_once(scope, subject, &request).await?;
        }
        if response.status().is_success() {
            return Ok(response);
        }
        let error = refusal(response, subject, scope.host()).await;
        self.forget_refused(scope, &error);
        Err(error)
    }

    /// After a refusal, the next request asks for a new grant, since credentials and rights change.
    fn forget_refused(&self, scope: &Scope, error: &Error) {
        if matches!(error, Error::Denied { .. }) {
            self.authority.forget(scope);
        }
    }

    /// Does something with the blobs of `repository`, bounded and retried, with our credentials for `scope`.
    pub(crate) async fn with_blobs<'a, T, F, Answer>(
        &'a self,
        repository: &Repository,
        scope: &Scope,
        limit: Duration,
        subject: &str,
        action: F,
    ) -> Result<T>
    where
        F: Fn(BlobStore<'a>) -> Answer,
        Answer: Future<Output = Result<T>>,
    {
        let open = || self.blobs.open(&self.config, &self.authority, repository, scope);
        bounded(limit, subject, || async {
            match action(open().await?).await {
                Err(Error::Denied { .. }) => {
                    self.authority.forget(scope);
                    action(open().await?).await.inspect_err(|error| self.forget_refused(scope, error))
                }
                answer => answer,
            }
        })
        .await
    }

    async fn send_once(
        &self,
        scope: &Scope,
        subject: &str,
        request: &impl Fn(&reqwest::Client) -> RequestBuilder,
    ) -> Result<Response> {
        let grant = self.authority.grant(scope).await?;
        grant.apply(request(&self.http)).send().await.map_err(|error| lost(subject, error))
    }
}

/// Runs `attempt` until it succeeds, fails for good, or has been retried enough; in all no longer than `limit`.
pub(crate) async fn bounded<T, F, Answer>(limit: Duration, subject: &str, attempt: F) -> Result<T>
where
    F: Fn() -> Answer,
    Answer: Future<Output = Result<T>>,
{
    let attempts = async {
        let mut retries = 0;
        loop {
            match attempt().await {
                Err(error) if error.is_retryable() && retries < QUICK_RETRIES => {
                    let pause = RETRY_PAUSE_MS << retries;
                    tracing::debug!(subject, %error, "The registry is asked again.");
                    tokio::time::sleep(Duration::from_millis(rand::random_range(pause / 2..=pause * 3 / 2)))
                        .await;
                    retries += 1;
                }
                answer => return answer,
            }
        }
    };
    tokio::time::timeout(limit, attempts)
        .await
        .unwrap_or_else(|_| Err(Error::TimedOut { subject: subject.to_owned(), limit }))
}

/// The address of `path` at `host`, by the scheme that the configuration gives it.
pub(crate) fn address(config: &Config, host: &str, path: &str) -> Result<Url> {
    let scheme = if config.is_plain(host) { "http" } else { "https" };
    // Docker's registry is not served under the name that references carry.
    let served_at = if host == "docker.io" { "index.docker.io" } else { host };
    Url::parse(&format!("{scheme}://{served_at}{path}"))
        .map_err(|error| Error::malformed(&format!("address of {host}"), error.to_string()))
}

/// The body of `response`, which may have at most `limit` bytes.
pub(crate) async fn read_limited(mut response: Response, limit: u64, subject: &str) -> Result<Vec<u8>> {
    let too_large = || Error::TooLarge { subject: subject.to_owned(), limit_bytes: limit };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| lost(subject, error))? {
        if (body.len() + chunk.len()) as u64 > limit {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an exchange without an answer means. The address stays out of it: it may be signed.
pub(crate) fn lost(subject: &str, error: reqwest::Error) -> Error {
    if error.is_redirect() || error.is_builder() {
        return Error::malformed(subject, "the registry redirects to a place where we do not go");
    }
    Error::Unreachable { subject: subject.to_owned(), source: Box::new(error.without_url()) }
}

/// What an answer that is no success means.
pub(crate) async fn refusal(response: Response, subject: &str, host: &str) -> Error {
    let status = response.status();
    let body = read_limited(response, MESSAGE_BYTES, subject).await.unwrap_or_default();
    refused(status.as_u16(), &String::from_utf8_lossy(&body), subject, host)
}

/// What an HTTP status that is no success means.
pub(crate) fn refused(status: u16, body: &str, subject: &str, host: &str) -> Error {
    let subject = subject.to_owned();
    match status {
        404 => Error::NotFound { subject },
        401 | 403 => Error::Denied { subject, host: host.to_owned() },
        408 | 429 | 500..=599 => Error::Unavailable { subject, status },
        _ => Error::Refused { subject, status, message: message(body) },
    }
}

/// `CODE: message` of the registry's first error (distribution-spec, "Error Codes"), else the beginning of its text.
fn message(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Envelope {
        errors: Vec<Problem>,
    }
    #[derive(serde::Deserialize)]
    struct Problem {
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_str::<Envelope>(body)
        .ok()
        .and_then(|envelope| envelope.errors.into_iter().next())
    {
        Some(Problem { code, message }) => format!("{code}: {message}"),
        None => body.trim().to_owned(),
    };
    text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARACTERS).collect()
}

/// Never from https to plain http: what was asked for in secret would go on in the open.
fn follow(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let downgrade = attempt.previous().last().is_some_and(|from| from.scheme() == "https")
        && attempt.url().scheme() != "https";
    if downgrade || attempt.previous().len() > MAX_REDIRECTS {
        return attempt.error("this redirect is not followed");
    }
    attempt.follow()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn broken(status: u16) -> Error {
        refused(status, "", "manifest", "r.test")
    }

    #[track_caller]
    fn check(answers: &[Result<()>], limit: Duration, tries: usize) -> Result<()> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let asked = Cell::new(0);
        let outcome = runtime.block_on(bounded(limit, "manifest", || async {
            asked.set(asked.get() + 1);
            match answers.get(asked.get() - 1) {
                Some(Ok(())) => Ok(()),
                Some(Err(Error::Unavailable { status, .. })) => Err(broken(*status)),
                Some(Err(_)) => Err(broken(404)),
                None => std::future::pending().await,
            }
        }));
        assert_eq!(asked.get(), tries);
        outcome
    }

    #[test]
    fn only_what_may_pass_is_asked_again_and_twice_at_most() {
        let limit = Duration::from_secs(10);
        assert!(check(&[Ok(())], limit, 1).is_ok());
        assert!(check(&[Err(broken(503)), Err(broken(429)), Ok(())], limit, 3).is_ok());
        assert!(check(&[Err(broken(503)), Err(broken(503)), Err(broken(503)), Ok(())], limit, 3).is_err());
        assert!(check(&[Err(broken(404)), Ok(())], limit, 1).is_err_and(|error| error.is_not_found()));
        let late = check(&[Err(broken(503))], limit, 2);
        assert!(matches!(late, Err(Error::TimedOut { .. })), "{late:?}");
    }

    #[test]
    fn statuses_have_one_meaning_each() {
        assert!(broken(404).is_not_found());
        for status in [408, 429, 500, 502, 503, 504] {
            assert!(broken(status).is_retryable(), "{status}");
        }
        for status in [400, 401, 403, 405, 409, 413, 416] {
            assert!(!broken(status).is_retryable() && !broken(status).is_not_found(), "{status}");
        }
        assert!(matches!(broken(401), Error::Denied { .. }));
    }

    #[test]
    fn messages_are_short_and_plain() {
        assert_eq!(
            message(r#"{"errors":[{"code":"DIGEST_INVALID","message":"no\u001b[1m match"}]}"#),
            "DIGEST_INVALID: no[1m match"
        );
        assert_eq!(message(&"x".repeat(1000)).len(), MESSAGE_CHARACTERS);
    }
}
