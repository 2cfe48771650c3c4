//! Blobs in and out of a registry, by `oci-client`. Not which ones: see `push`, `pull`, `description`.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use artifact::{Digest, Repository};
use futures::{TryStreamExt, stream};
use oci_client::{
    Client as OciClient, Reference, RegistryOperation,
    client::{ClientConfig, ClientProtocol},
    errors::{DigestError, OciDistributionError as OciError, OciErrorCode},
    secrets::RegistryAuth,
    token_cache::{RegistryToken, RegistryTokenType},
};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::{
    Error, Result,
    authority::{Authority, Grant, Scope},
    config::Config,
    transport::{lost, refused},
};

/// What is read of a file at once on its way out.
const CHUNK_BYTES: usize = 256 * 1024;

/// For each so many bytes a registry may take one more bound to store a blob that it has received: object stores copy it once more.
const STORED_AT_ONCE_BYTES: u64 = 64 * 1024 * 1024;

/// The pooled connections that blobs travel by: clients a scheme, because a client has one for all its hosts or a
/// fixed list of exceptions, and loopback hosts are not listed.
pub(crate) struct Blobs {
    plain: Clients,
    secure: Clients,
}

/// The clients of one scheme: `oci-client` never forgets a token, so a host that has become open needs one that never had any.
struct Clients {
    open: OciClient,
    authorized: OciClient,
}

/// `oci-client` at one repository, holding the token of one scope.
pub(crate) struct BlobStore<'a> {
    client: &'a OciClient,
    image: Reference,
    host: String,
    /// How long nothing may move.
    bound: Duration,
}

impl Blobs {
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let client = |protocol| {
            let config = ClientConfig {
                protocol,
                // One request a blob: what every registry takes, and what needs no chunk kept for a retry.
                use_monolithic_push: true,
                connect_timeout: Some(config.timeout),
                user_agent: concat!("plimsoll/", env!("CARGO_PKG_VERSION")),
                ..ClientConfig::default()
            };
            OciClient::try_from(config).map_err(|source| Error::Setup { source: Box::new(source) })
        };
        let clients = |protocol: ClientProtocol| {
            Ok(Clients { open: client(protocol.clone())?, authorized: client(protocol)? })
        };
        Ok(Self { plain: clients(ClientProtocol::Http)?, secure: clients(ClientProtocol::Https)? })
    }

    /// The blobs of `repository`, with our credentials for `scope`.
    ///
    /// `oci-client` would follow a token realm to any address with our password. So it never gets the password of a host
    /// that gives tokens: it gets the token, under the names it looks it up by.
    pub(crate) async fn open(
        &self,
        config: &Config,
        authority: &Authority,
        repository: &Repository,
        scope: &Scope,
    ) -> Result<BlobStore<'_>> {
        let host = repository.host();
        let clients = if config.is_plain(host) { &self.plain } else { &self.secure };
        let image = Reference::with_tag(host.to_owned(), repository.path().to_owned(), "latest".to_owned());
        let token = match authority.grant(scope).await? {
            Grant::Open => None,
            Grant::Basic(login) => {
                Some(RegistryTokenType::Basic(login.user, login.secret.reveal().to_owned()))
            }
            Grant::Bearer(token) => {
                Some(RegistryTokenType::Bearer(RegistryToken::Token { token: token.reveal().to_owned() }))
            }
        };
        let Some(token) = token else {
            return Ok(BlobStore {
                client: &clients.open,
                image,
                host: host.to_owned(),
                bound: config.timeout,
            });
        };
        let client = &clients.authorized;
        client.store_auth_if_needed(image.resolve_registry(), &RegistryAuth::Anonymous).await;
        client.tokens.insert(&image, RegistryOperation::Pull, token.clone()).await;
        // A token to read must not take the place of one to write that another call of this repository uses.
        if scope.is_push() {
            client.tokens.insert(&image, RegistryOperation::Push, token).await;
        }
        Ok(BlobStore { client, image, host: host.to_owned(), bound: config.timeout })
    }
}

impl BlobStore<'_> {
    pub(crate) async fn has(&self, digest: &Digest, subject: &str) -> Result<bool> {
        let answer = self.in_time(subject, self.client.blob_exists(&self.image, digest.as_str())).await?;
        answer.map_err(|error| failed(error, subject, &self.host))
    }

    /// Whether the registry took the blob over from `source`, a repository of its own. It may answer no without a reason.
    pub(crate) async fn mount(&self, digest: &Digest, source: &Repository, subject: &str) -> Result<bool> {
        let path = source.path().to_owned();
        let source = Reference::with_tag(source.host().to_owned(), path, "latest".to_owned());
        match self.in_time(subject, self.client.mount_blob(&self.image, &source, digest.as_str())).await? {
            Ok(()) => Ok(true),
            // 202: "start an upload instead".
            Err(OciError::SpecViolationError(_)) => Ok(false),
            Err(error) => Err(failed(error, subject, &self.host)),
        }
    }

    /// Uploads `file`, which has `size` bytes; the registry verifies the digest.
    pub(crate) async fn upload(&self, file: &Path, digest: &Digest, size: u64, subject: &str) -> Result<()> {
        let opened = tokio::fs::File::open(file).await.map_err(|error| Error::unreadable(file, error))?;
        let moved = Moved::now();
        let told = moved.clone();
        let chunks = stream::try_unfold(opened, move |mut file| {
            let told = told.clone();
            async move {
                told.again();
                let mut chunk = vec![0; CHUNK_BYTES];
                let length = file.read(&mut chunk).await?;
                chunk.truncate(length);
                if length == 0 {
                    told.ended();
                }
                Ok::<_, OciError>((length > 0).then(|| (chunk.into(), file)))
            }
        });
        let upload = self.client.push_blob_stream(&self.image, chunks, digest.as_str(), Some(size));
        tokio::pin!(upload);
        let storing = u32::try_from(size / STORED_AT_ONCE_BYTES).unwrap_or(u32::MAX).saturating_add(1);
        loop {
            match tokio::time::timeout(self.bound / 4, upload.as_mut()).await {
                Ok(result) => return result.map(drop).map_err(|error| failed(error, subject, &self.host)),
                Err(_) if moved.is_still(self.bound, self.bound.saturating_mul(storing)) => {
                    return Err(self.silent(subject));
                }
                Err(_) => {}
            }
        }
    }

    /// Waits for an answer no longer than nothing may move.
    async fn in_time<T>(&self, subject: &str, answer: impl Future<Output = T>) -> Result<T> {
        tokio::time::timeout(self.bound, answer).await.map_err(|_| self.silent(subject))
    }

    fn silent(&self, subject: &str) -> Error {
        Error::TimedOut { subject: subject.to_owned(), limit: self.bound }
    }

    /// Reads a blob of `size` bytes into `target` and verifies it; what is in `target` after an error is worthless.
    pub(crate) async fn download(
        &self,
        digest: &Digest,
        size: u64,
        target: &mut (impl AsyncWrite + Unpin + Send),
        subject: &str,
    ) -> Result<()> {
        let blob = self.in_time(subject, self.client.pull_blob_stream(&self.image, digest.as_str())).await?;
        let mut blob = blob.map_err(|error| failed(error, subject, &self.host))?.stream;
        let mut length = 0;
        while let Some(chunk) =
            self.in_time(subject, blob.try_next()).await?.map_err(|error| broken(error, subject))?
        {
            length += chunk.len() as u64;
            if length > size {
                return Err(Error::TooLarge { subject: subject.to_owned(), limit_bytes: size });
            }
            target.write_all(&chunk).await.map_err(|error| Error::unwritable(digest.as_str(), error))?;
        }
        target.flush().await.map_err(|error| Error::unwritable(digest.as_str(), error))?;
        if length < size {
            return Err(Error::malformed(
                subject,
                format!("it has {length} bytes where {size} were promised"),
            ));
        }
        Ok(())
    }
}

/// When something last moved on its way out.
#[derive(Clone)]
struct Moved(Arc<Mutex<(Instant, Direction)>>);

/// What is waited for.
#[derive(Clone, Copy)]
enum Direction {
    /// For the registry to take more.
    Out,
    /// For its answer to all of it.
    Answer,
}

impl Moved {
    fn now() -> Self {
        Self(Arc::new(Mutex::new((Instant::now(), Direction::Out))))
    }

    fn again(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), Direction::Out);
    }

    fn ended(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), Direction::Answer);
    }

    /// Whether nothing has moved for `out`, or nothing was answered for `answer`.
    fn is_still(&self, out: Duration, answer: Duration) -> bool {
        let (at, direction) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let bound = match direction {
            Direction::Out => out,
            Direction::Answer => answer,
        };
        at.elapsed() >= bound
    }
}

/// What a failure of `oci-client` means. Its texts hold addresses, which may be signed, and stay behind.
fn failed(error: OciError, subject: &str, host: &str) -> Error {
    match error {
        OciError::RequestError(error) => match error.status() {
            Some(status) => refused(status.as_u16(), "", subject, host),
            None => lost(subject, error),
        },
        OciError::ServerError { code, message, .. } => refused(code, &message, subject, host),
        OciError::RegistryError { envelope, .. } => {
            let problem = envelope.errors.into_iter().next();
            let status = problem.as_ref().map_or(StatusCode::BAD_REQUEST, |problem| status(&problem.code));
            refused(
                status.as_u16(),
                &problem.map(|problem| problem.message).unwrap_or_default(),
                subject,
                host,
            )
        }
        OciError::UnauthorizedError { .. } | OciError::AuthenticationFailure(_) => {
            refused(StatusCode::UNAUTHORIZED.as_u16(), "", subject, host)
        }
        OciError::DigestError(error) => mismatch(&error, subject),
        OciError::IoError(error) => broken(error, subject),
        _ => {
            Error::malformed(subject, "the registry's answer does not follow the distribution specification")
        }
    }
}

/// What a broken stream means: `oci-client` puts a wrong digest into an IO error at its end.
fn broken(error: io::Error, subject: &str) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<DigestError>()) {
        Some(wrong) => mismatch(wrong, subject),
        None => match error.into_inner().map(|inner| inner.downcast::<reqwest::Error>()) {
            Some(Ok(error)) => lost(subject, *error),
            Some(Err(source)) => Error::Unreachable { subject: subject.to_owned(), source },
            None => {
                Error::Unreachable { subject: subject.to_owned(), source: "the stream ended early".into() }
            }
        },
    }
}

fn mismatch(error: &DigestError, subject: &str) -> Error {
    if let DigestError::VerificationError { expected, actual } = error
        && let (Ok(expected), Ok(actual)) = (expected.parse(), actual.parse())
    {
        return Error::DigestMismatch { subject: subject.to_owned(), expected, actual };
    }
    Error::malformed(subject, error.to_string())
}

/// The HTTP status that belongs to an error code, which `oci-client` reports in its place.
fn status(code: &OciErrorCode) -> StatusCode {
    match code {
        OciErrorCode::BlobUnknown
        | OciErrorCode::ManifestUnknown
        | OciErrorCode::NameUnknown
        | OciErrorCode::NotFound => StatusCode::NOT_FOUND,
        OciErrorCode::Unauthorized | OciErrorCode::Denied => StatusCode::FORBIDDEN,
        OciErrorCode::Toomanyrequests => StatusCode::TOO_MANY_REQUESTS,
        OciErrorCode::BlobUploadInvalid
        | OciErrorCode::BlobUploadUnknown
        | OciErrorCode::DigestInvalid
        | OciErrorCode::ManifestBlobUnknown
        | OciErrorCode::ManifestInvalid
        | OciErrorCode::ManifestUnverified
        | OciErrorCode::NameInvalid
        | OciErrorCode::SizeInvalid
        | OciErrorCode::TagInvalid
        | OciErrorCode::Unsupported
        | OciErrorCode::Other(_) => StatusCode::BAD_REQUEST,
    }
}
