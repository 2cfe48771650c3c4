//! What an operator may set.

use std::net::SocketAddr;

use serde::Deserialize;

/// The `[scanner]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where gRPC is answered, with reflection; nowhere where none is given.
    pub grpc_listen: Option<SocketAddr>,
    /// What asking one policy about one definition may take.
    pub policies: evaluator::Config,
    /// Whether the scripts in RUN go to the ShellCheck that `PATH` leads to.
    pub shellcheck: bool,
}

impl Default for Config {
    /// Where ShellCheck is installed it is meant to be asked, as `plimsoll lint` does.
    fn default() -> Self {
        Self { grpc_listen: None, policies: evaluator::Config::default(), shellcheck: true }
    }
}
