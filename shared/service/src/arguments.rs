//! What every service takes on its command line.

use std::path::PathBuf;

/// A service's arguments.
#[derive(Debug, Clone, clap::Args)]
#[group(id = "service")]
pub struct Arguments {
    /// The configuration file (TOML).
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Read the configuration, say what is wrong with it, and end.
    #[arg(long)]
    pub check_config: bool,
    /// End when standard input is closed, as it is when the process that started this one dies.
    #[arg(long, hide = true)]
    pub end_with_parent: bool,
    /// Where to send `WATCHDOG=1` once a second, as systemd's `WatchdogSec=` asks for.
    #[arg(long, hide = true, env = "NOTIFY_SOCKET", value_name = "SOCKET")]
    pub notify_socket: Option<String>,
}
