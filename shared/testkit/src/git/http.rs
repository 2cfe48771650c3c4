//! A git host's repositories over HTTP, for one user who says a password. Git's own backend answers.

use std::path::Path;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio::net::TcpStream;

use super::{START, environment};
use crate::process::{Process, free_port};
use crate::tools;

/// Gone on drop.
#[derive(Debug)]
pub struct HttpHost {
    process: Process,
    directory: TempDir,
    port: u16,
}

impl HttpHost {
    pub(super) async fn start(repositories: &Path, user: &str, password: &str) -> Result<Self> {
        let directory = TempDir::with_prefix("plimsoll-git-http-").context("making a directory")?;
        let path = |name: &str| directory.path().join(name);
        std::fs::write(path("host.py"), include_str!("http_host.py")).context("writing the server")?;
        let port = free_port()?;
        let mut command = std::process::Command::new(tools::python());
        command.arg(path("host.py")).arg(repositories).arg(port.to_string()).arg(path("secret"));
        command.envs(environment(directory.path()));
        let process = Process::start("git http-backend", command)?;
        let mut host = Self { process, directory, port };
        host.allow(user, password)?;
        host.process.ready(START, async || TcpStream::connect(("127.0.0.1", port)).await).await?;
        Ok(host)
    }

    /// From now on, answers only this user with this password.
    ///
    /// # Errors
    /// When it cannot be noted down.
    pub fn allow(&self, user: &str, password: &str) -> Result<()> {
        std::fs::write(self.directory.path().join("secret"), format!("{user}:{password}"))
            .context("noting the password")
    }

    /// Host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL of a repository, without user and password.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}.git", self.host())
    }
}
