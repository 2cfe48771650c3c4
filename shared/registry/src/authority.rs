//! Who we are to a registry: challenges answered, tokens kept until they go stale. Not the requests that carry them. Only what worked is
//! kept; a refusal never is, so the next request after it asks the registry again.
//!
//! Follows the distribution project's token specification (`docs/spec/auth/token.md`): a 401 names a realm, the realm
//! gives a token for a scope. Our credentials go to the registry itself or to the realm it names, and there only by
//! https, unless the operator listed the realm's host as insecure.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use artifact::Repository;
use http_auth::parser::ChallengeParser;
use reqwest::{RequestBuilder, StatusCode, Url, header};
use serde::Deserialize;

use crate::{
    Error, Result,
    config::{Config, Login, Secret},
    transport::{address, lost, read_limited, refusal},
};

/// How long a host's way of asking for credentials is believed while it works: it changes when somebody reconfigures the registry.
const CHALLENGE_AGE: Duration = Duration::from_secs(300);
/// A token's life where the realm does not say (token specification: "defaults to 60 seconds").
const TOKEN_AGE: Duration = Duration::from_secs(60);
/// However long a realm says that a token lives.
const MAX_TOKEN_AGE: Duration = Duration::from_secs(3600);
/// Hosts and scopes kept in mind; more at once mean a crawl, which gains nothing from keeping them.
const MAX_REMEMBERED: usize = 1024;
/// Far above any token in use.
const TOKEN_BYTES: u64 = 256 * 1024;

/// What a request wants to do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    host: String,
    resources: Vec<String>,
    is_push: bool,
}

/// What a request may carry.
#[derive(Clone)]
pub(crate) enum Grant {
    Open,
    Basic(Login),
    Bearer(Secret),
}

pub(crate) struct Authority {
    http: reqwest::Client,
    config: Config,
    challenges: Mutex<HashMap<String, (Challenge, Instant)>>,
    grants: Mutex<HashMap<Scope, (Grant, Instant)>>,
    /// One asks a host at a time, and those who waited find the answer in memory. A slow host holds up its own alone.
    gates: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

#[derive(Clone)]
enum Challenge {
    None,
    Basic,
    Bearer { realm: Url, service: Option<String> },
}

#[derive(Deserialize)]
struct Token {
    token: Option<Secret>,
    access_token: Option<Secret>,
    expires_in: Option<u64>,
}

impl Scope {
    pub(crate) fn pull(repository: &Repository) -> Self {
        let resources = vec![format!("repository:{}:pull", repository.path())];
        Self { host: repository.host().to_owned(), resources, is_push: false }
    }

    /// Writing to `repository`, with blobs mounted from `sources`.
    pub(crate) fn push(repository: &Repository, sources: &[Repository]) -> Self {
        let mut resources = vec![format!("repository:{}:pull,push", repository.path())];
        resources.extend(sources.iter().map(|source| format!("repository:{}:pull", source.path())));
        Self { host: repository.host().to_owned(), resources, is_push: true }
    }

    pub(crate) fn catalog(host: &str) -> Self {
        Self { host: host.to_owned(), resources: vec!["registry:catalog:*".to_owned()], is_push: false }
    }

    /// Whether it may write.
    pub(crate) fn is_push(&self) -> bool {
        self.is_push
    }

    pub(crate) fn host(&self) -> &str {
        &self.host
    }
}

impl Grant {
    pub(crate) fn apply(&self, request: RequestBuilder) -> RequestBuilder {
        match self {
            Self::Open => request,
            Self::Basic(login) => request.basic_auth(&login.user, Some(login.secret.reveal())),
            Self::Bearer(token) => request.bearer_auth(token.reveal()),
        }
    }
}

impl Authority {
    pub(crate) fn new(http: reqwest::Client, config: Config) -> Self {
        Self { http, config, challenges: Mutex::default(), grants: Mutex::default(), gates: Mutex::default() }
    }

    /// What a request of `scope` may carry, from memory while that is fresh.
    pub(crate) async fn grant(&self, scope: &Scope) -> Result<Grant> {
        if let Some(grant) = self.remembered(scope) {
            return Ok(grant);
        }
        let gate = self.gate(&scope.host);
        let _turn = gate.lock().await;
        if let Some(grant) = self.remembered(scope) {
            return Ok(grant);
        }
        // Taken out, and put back only when it has led to a grant: what a registry said once must not keep us from asking it again.
        let remembered = self.take_challenge(&scope.host);
        if let Some((challenge, stale)) = remembered
            && let Ok(grant) = self.answer(scope, &challenge).await
        {
            remember(&self.challenges, scope.host.clone(), (challenge, stale));
            return Ok(grant);
        }
        let challenge = self.challenge(&scope.host).await?;
        let grant = self.answer(scope, &challenge).await?;
        remember(&self.challenges, scope.host.clone(), (challenge, Instant::now() + CHALLENGE_AGE));
        Ok(grant)
    }

    /// The grant that answers `challenge`, remembered for `scope`.
    async fn answer(&self, scope: &Scope, challenge: &Challenge) -> Result<Grant> {
        let now = Instant::now();
        let (grant, age) = match challenge {
            Challenge::None => (Grant::Open, CHALLENGE_AGE),
            Challenge::Basic => match self.config.login(&scope.host) {
                Some(login) => (Grant::Basic(login.clone()), CHALLENGE_AGE),
                None => return Err(denied(&scope.host)),
            },
            Challenge::Bearer { realm, service } => self.token(scope, realm.clone(), service.clone()).await?,
        };
        remember(&self.grants, scope.clone(), (grant.clone(), now + age));
        Ok(grant)
    }

    fn gate(&self, host: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut gates = locked(&self.gates);
        if gates.len() >= MAX_REMEMBERED {
            // One that is held is known to its holder too.
            gates.retain(|_, gate| Arc::strong_count(gate) > 1);
        }
        gates.entry(host.to_owned()).or_default().clone()
    }

    fn remembered(&self, scope: &Scope) -> Option<Grant> {
        let now = Instant::now();
        locked(&self.grants).get(scope).filter(|(_, stale)| *stale > now).map(|(grant, _)| grant.clone())
    }

    /// Asks anew for `scope` the next time: its grant was refused, and the registry may want something else by now.
    pub(crate) fn forget(&self, scope: &Scope) {
        locked(&self.challenges).remove(&scope.host);
        locked(&self.grants).remove(scope);
    }

    fn take_challenge(&self, host: &str) -> Option<(Challenge, Instant)> {
        let now = Instant::now();
        locked(&self.challenges).remove(host).filter(|(_, stale)| *stale > now)
    }

    /// What `host` asks for now.
    async fn challenge(&self, host: &str) -> Result<Challenge> {
        let subject = format!("registry {host}");
        let url = address(&self.config, host, "/v2/")?;
        let response = self.http.get(url).send().await.map_err(|error| lost(&subject, error))?;
        match response.status() {
            status if status.is_success() => Ok(Challenge::None),
            StatusCode::UNAUTHORIZED => {
                let headers = response.headers().get_all(header::WWW_AUTHENTICATE);
                let texts: Vec<&str> = headers.iter().filter_map(|value| value.to_str().ok()).collect();
                self.read_challenge(host, &texts)
            }
            _ => Err(refusal(response, &subject, host).await),
        }
    }

    /// A token where one is offered, else the password.
    fn read_challenge(&self, host: &str, headers: &[&str]) -> Result<Challenge> {
        let mut found = None;
        for challenge in
            headers.iter().flat_map(|text| ChallengeParser::new(text)).filter_map(|parsed| parsed.ok())
        {
            if challenge.scheme.eq_ignore_ascii_case("basic") {
                found = Some(Challenge::Basic);
            }
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let parameter = |wanted: &str| {
                    let same = |(name, _): &&(&str, _)| name.eq_ignore_ascii_case(wanted);
                    challenge.params.iter().find(same).map(|(_, value)| value.to_unescaped())
                };
                let realm = self.trusted_realm(host, &parameter("realm").unwrap_or_default())?;
                return Ok(Challenge::Bearer { realm, service: parameter("service") });
            }
        }
        found.ok_or_else(|| denied(host))
    }

    fn trusted_realm(&self, host: &str, realm: &str) -> Result<Url> {
        let subject = format!("registry {host}");
        let url = Url::parse(realm)
            .map_err(|error| Error::malformed(&subject, format!("its token realm is no address: {error}")))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::malformed(&subject, "its token realm carries credentials"));
        }
        let realm_host = match (url.host_str(), url.port()) {
            (Some(name), Some(port)) => format!("{name}:{port}"),
            (Some(name), None) => name.to_owned(),
            (None, _) => return Err(Error::malformed(&subject, "its token realm has no host")),
        };
        // A registry reached by plain http on this machine may keep its realm beside it; a remote one may not point here.
        let plain_is_fine = self.config.lists_as_insecure(&realm_host)
            || (self.config.is_plain(host) && self.config.is_plain(&realm_host));
        match url.scheme() {
            "https" => Ok(url),
            "http" if plain_is_fine => Ok(url),
            scheme => Err(Error::UntrustedRealm {
                host: host.to_owned(),
                realm: format!("{scheme}://{realm_host}"),
            }),
        }
    }

    async fn token(
        &self,
        scope: &Scope,
        mut realm: Url,
        service: Option<String>,
    ) -> Result<(Grant, Duration)> {
        let subject = format!("token for {}", scope.host);
        {
            let mut query = realm.query_pairs_mut();
            query.extend_pairs(service.iter().map(|service| ("service", service)));
            query.extend_pairs(scope.resources.iter().map(|resource| ("scope", resource)));
        }
        let mut request = self.http.get(realm);
        if let Some(login) = self.config.login(&scope.host) {
            request = request.basic_auth(&login.user, Some(login.secret.reveal()));
        }
        let response = request.send().await.map_err(|error| lost(&subject, error))?;
        if !response.status().is_success() {
            return Err(refusal(response, &subject, &scope.host).await);
        }
        let body = read_limited(response, TOKEN_BYTES, &subject).await?;
        // The parser's complaint may quote the token.
        let Token { token, access_token, expires_in } = serde_json::from_slice(&body)
            .map_err(|_| Error::malformed(&subject, "the realm's answer is not JSON"))?;
        let Some(token) = token.or(access_token) else {
            return Err(Error::malformed(&subject, "the realm's answer holds no token"));
        };
        let age = expires_in.map_or(TOKEN_AGE, Duration::from_secs).clamp(TOKEN_AGE, MAX_TOKEN_AGE);
        // A token is not used in its last fifth, so that it does not end on the way.
        Ok((Grant::Bearer(token), age.mul_f32(0.8)))
    }
}

fn denied(host: &str) -> Error {
    Error::Denied { subject: format!("registry {host}"), host: host.to_owned() }
}

fn remember<K: Eq + Hash, V>(memory: &Mutex<HashMap<K, V>>, key: K, value: V) {
    let mut memory = locked(memory);
    if memory.len() >= MAX_REMEMBERED {
        memory.clear();
    }
    memory.insert(key, value);
}

/// A panic elsewhere leaves these maps whole: each holder only inserts or removes.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
