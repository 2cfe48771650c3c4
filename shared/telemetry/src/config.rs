//! What an operator may set.

use serde::Deserialize;

/// The `[telemetry]` section.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Level, or `target=level` pairs.
    pub log: String,
    /// How log lines look.
    pub format: LogFormat,
    /// Where spans are sent over OTLP/gRPC; nowhere where none is given.
    pub otlp_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        // Changes of state and operators' actions, and no chatter of the libraries below.
        Self { log: "info".to_owned(), format: LogFormat::Text, otlp_endpoint: None }
    }
}
