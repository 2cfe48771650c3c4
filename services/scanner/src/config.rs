//! What an operator may set.

use std::net::SocketAddr;

use serde::Deserialize;

/// The `[scanner]` section.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where gRPC is answered, with reflection; nowhere where none is given.
    pub grpc_listen: Option<SocketAddr>,
    /// What asking one policy about one definition may take.
    pub policies: evaluator::Config,
}
