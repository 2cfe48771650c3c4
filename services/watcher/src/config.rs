//! What an operator may set: who may send webhooks, and how registries and git hosts are asked.

use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use serde::{Deserialize, Deserializer, de::Error as _};

/// The `[watcher]` section. With none, nobody may send webhooks, and the pipeline lives by polling.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where webhooks are taken.
    pub listen: SocketAddr,
    /// Who may send them, by the name in `/webhooks/<source>`.
    pub sources: BTreeMap<String, Source>,
    /// How registries are reached.
    pub registry: registry::Config,
    /// How git hosts are reached.
    pub source: source::Config,
    /// The time between two looks at everything (`poll_seconds`).
    #[serde(rename = "poll_seconds", deserialize_with = "seconds")]
    pub poll: Duration,
}

/// A sender of webhooks.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// What it sends, and how it proves that it is the one.
    pub kind: Kind,
    /// What it shares with us.
    pub secret: Secret,
    /// The registry's host as image references write it; without it, the host that the webhook names is believed, which is the one
    /// that the pusher used.
    #[serde(default, deserialize_with = "registry_host")]
    pub registry: Option<String>,
}

/// The senders that are understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// CNCF Distribution (docker-registry): `Authorization: Bearer <secret>`.
    Distribution,
    /// Gitea and Forgejo: `X-Gitea-Signature`.
    Gitea,
    /// GitHub: `X-Hub-Signature-256`.
    Github,
    /// GitLab: `X-Gitlab-Token`.
    Gitlab,
}

/// A text that never prints, and is never empty: an empty secret would let everybody in.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            // This machine alone: whoever opens it to others thinks of TLS in front of it.
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            sources: BTreeMap::new(),
            registry: registry::Config::default(),
            source: source::Config::default(),
            // What a lost webhook costs at most; a look at a quiet repository is a few small requests.
            poll: Duration::from_secs(300),
        }
    }
}

impl Kind {
    /// How long a sender waits for an answer with some margin: distribution gives up after 500 ms to 1 s and comes again; git hosts
    /// wait 5 s (Gitea) or 10 s (GitHub, GitLab), and not all of them come again.
    pub(crate) fn patience(self) -> Duration {
        match self {
            Self::Distribution => Duration::from_millis(400),
            Self::Gitea | Self::Github | Self::Gitlab => Duration::from_secs(4),
        }
    }
}

impl Secret {
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let text = String::deserialize(input)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom("a secret is empty; write the one that the sender was given"));
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

fn seconds<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    match u64::deserialize(input)? {
        0 => Err(D::Error::custom("poll_seconds: 0 leaves no pause; leave it out for the default")),
        seconds => Ok(Duration::from_secs(seconds)),
    }
}

fn registry_host<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let host = String::deserialize(input)?;
    match crate::hint::repository(&host, "image") {
        Some(_) => Ok(Some(host)),
        None => Err(D::Error::custom(format!(
            "registry: `{host}` is not a registry's host; write it as in image references, such as registry.example.com:5000"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_need_be_written() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert!(config.sources.is_empty() && config.listen.ip().is_loopback());
    }

    #[test]
    fn mistakes_are_found() {
        for text in [
            r#"{"sources": {"r": {"kind": "distribution", "secret": ""}}}"#,
            r#"{"sources": {"r": {"kind": "quay", "secret": "s"}}}"#,
            r#"{"sources": {"r": {"kind": "gitea"}}}"#,
            r#"{"sources": {"r": {"kind": "distribution", "secret": "s", "registry": "http://r.test"}}}"#,
            r#"{"poll_seconds": 0}"#,
            r#"{"listne": "127.0.0.1:1"}"#,
        ] {
            assert!(serde_json::from_str::<Config>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let text = r#"{"sources": {"r": {"kind": "gitea", "secret": "hunter2"}}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
    }
}
