//! How to reach registries: credentials, plain-http hosts, time bounds. Not the connections themselves.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use artifact::Repository;
use serde::{Deserialize, Deserializer};

/// How to reach registries. Every key has a default; unknown keys are errors.
///
/// A host is written as in image references: `registry.example.com`, with its port where one is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Hosts that are reached by plain http. Loopback hosts always are.
    pub insecure_hosts: Vec<String>,
    /// Who we are, by host. Hosts without an entry are asked anonymously.
    pub credentials: BTreeMap<String, Login>,
    /// Bound of one exchange with a registry, its quick retries included (`timeout_ms`).
    #[serde(rename = "timeout_ms", deserialize_with = "milliseconds")]
    pub timeout: Duration,
    /// Bound of one blob on its way in or out, its quick retries included (`transfer_timeout_ms`).
    #[serde(rename = "transfer_timeout_ms", deserialize_with = "milliseconds")]
    pub transfer_timeout: Duration,
}

/// A user's name and secret at one registry.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// The password or token.
    pub secret: Secret,
}

/// A text that never prints.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Default for Config {
    fn default() -> Self {
        Self {
            insecure_hosts: Vec::new(),
            credentials: BTreeMap::new(),
            // A registry that says nothing for this long is down for us; a healthy one answers a manifest in well under 1 s.
            timeout: Duration::from_secs(30),
            // 2 GiB, a very large layer, at 4 MiB/s.
            transfer_timeout: Duration::from_secs(600),
        }
    }
}

impl Config {
    /// Every mistake in it, each with its key and a way out; none if it can be used.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        let hosts = self.insecure_hosts.iter().map(|host| ("insecure_hosts", host));
        for (key, host) in hosts.chain(self.credentials.keys().map(|host| ("credentials", host))) {
            if !is_registry_host(host) {
                mistakes.push(format!(
                    "{key}: `{}` is not a registry host; write it as in image references, such as registry.example.com:5000",
                    printable(host)
                ));
            }
        }
        for (host, login) in &self.credentials {
            if login.user.is_empty() || login.secret.reveal().is_empty() {
                mistakes.push(format!(
                    "credentials: user or secret of `{}` is empty; fill both or leave the host out",
                    printable(host)
                ));
            }
        }
        for (key, bound) in [("timeout_ms", self.timeout), ("transfer_timeout_ms", self.transfer_timeout)] {
            if bound.is_zero() {
                mistakes.push(format!("{key}: 0 leaves no time for anything; leave it out for the default"));
            }
        }
        mistakes
    }

    /// Whether `host` is reached by plain http.
    pub(crate) fn is_plain(&self, host: &str) -> bool {
        is_loopback(host) || self.lists_as_insecure(host)
    }

    /// Whether the operator named `host` as one for plain http.
    pub(crate) fn lists_as_insecure(&self, host: &str) -> bool {
        self.insecure_hosts.iter().any(|listed| listed.eq_ignore_ascii_case(host))
    }

    /// Our login at `host`.
    pub(crate) fn login(&self, host: &str) -> Option<&Login> {
        self.credentials.iter().find(|(listed, _)| listed.eq_ignore_ascii_case(host)).map(|(_, login)| login)
    }
}

impl Secret {
    /// The text itself, for the one place that sends it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<secret>")
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    u64::deserialize(input).map(Duration::from_millis)
}

/// A host is one exactly if a reference that starts with it keeps it.
fn is_registry_host(host: &str) -> bool {
    format!("{host}/image").parse::<Repository>().is_ok_and(|repository| {
        repository.host().eq_ignore_ascii_case(host) && repository.path().ends_with("image")
    })
}

/// What stands before an `@` may be a password that slipped into a host.
fn printable(host: &str) -> &str {
    host.rsplit_once('@').map_or(host, |(_, after)| after)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(config: &str, mistakes: usize) {
        let config: Config = serde_json::from_str(config).unwrap();
        assert_eq!(config.mistakes().len(), mistakes, "{:?}", config.mistakes());
    }

    #[test]
    fn every_mistake_is_named_at_once() {
        check("{}", 0);
        check(r#"{"insecure_hosts": ["registry.test:5000", "localhost", "[::1]:5000"]}"#, 0);
        check(r#"{"insecure_hosts": ["registry", "http://registry.test", "registry.test/team"]}"#, 3);
        check(r#"{"timeout_ms": 0, "credentials": {"r.test": {"user": "", "secret": "s"}}}"#, 2);
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(serde_json::from_str::<Config>(r#"{"timeout": 3}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"credentials": {"r.test": {"password": "s"}}}"#).is_err());
    }

    #[test]
    fn loopback_and_listed_hosts_are_plain() {
        let config = Config { insecure_hosts: vec!["registry.test:5000".to_owned()], ..Config::default() };
        for host in
            ["127.0.0.1:5000", "127.9.9.9", "localhost", "localhost:80", "[::1]:5000", "registry.test:5000"]
        {
            assert!(config.is_plain(host), "{host}");
        }
        for host in [
            "registry.test",
            "registry.test:5001",
            "localhost.example.com",
            "127.0.0.1.example.com",
            "10.0.0.1",
        ] {
            assert!(!config.is_plain(host), "{host}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        let text = r#"{"credentials": {"r.test": {"user": "u", "secret": "hunter2"}, "u:hunter2@r.test": {"user": "u", "secret": "s"}}}"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert!(!format!("{:?}", config.credentials["r.test"]).contains("hunter2"));
        assert!(!config.mistakes().concat().contains("hunter2"));
    }
}
