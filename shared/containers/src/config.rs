//! Where the runtime is and how long it may take. Not which driver speaks to it: there is one.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Deserializer};

/// How the container runtime is reached.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The unix socket on which it answers Docker's Engine API.
    pub socket: PathBuf,
    /// Bound of one request (`timeout_ms`); a command that runs in a container has a bound of its own.
    #[serde(rename = "timeout_ms", deserialize_with = "milliseconds")]
    pub timeout: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            // Where Docker's packages put it.
            socket: PathBuf::from("/var/run/docker.sock"),
            // A healthy daemon answers in milliseconds; one that starts many containers at once may take seconds.
            timeout: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// Every mistake in it, each with its key and a way out; none if it can be used.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if !self.socket.is_absolute() {
            mistakes.push(format!(
                "socket: `{}` is not an absolute path; write the whole path, such as /var/run/docker.sock",
                self.socket.display()
            ));
        }
        if self.socket.to_str().is_none() {
            mistakes.push("socket: the path is not UTF-8; move the socket to one that is".to_owned());
        }
        if self.timeout.is_zero() {
            mistakes
                .push("timeout_ms: 0 leaves no time for anything; leave it out for the default".to_owned());
        }
        mistakes
    }
}

fn milliseconds<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
    u64::deserialize(input).map(Duration::from_millis)
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
        check(r#"{"socket": "/run/podman/podman.sock", "timeout_ms": 500}"#, 0);
        check(r#"{"socket": "unix:///var/run/docker.sock", "timeout_ms": 0}"#, 2);
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(serde_json::from_str::<Config>(r#"{"timeout": 3}"#).is_err());
    }
}
