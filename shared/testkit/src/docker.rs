//! A private Docker daemon: own socket, data, containerd, bridge, cgroups and mount namespace. Never the machine's own.
//!
//! A shell (`docker/supervise.sh`) runs the daemon and cleans up when its standard input ends: on drop, and when the test
//! process is killed. Any number run side by side, also beside a daemon of the machine.

use std::fs::{create_dir_all, write};
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::json;
use tempfile::TempDir;
use tokio::process::Command;

use crate::command::{Finished, run};
use crate::tools;
use crate::wait::eventually;

/// A daemon starts in a second; the rest is for machines that are busy with other tests.
const START: Duration = Duration::from_secs(60);
/// The supervisor bounds each of its steps; they come to less than this.
const STOP: Duration = Duration::from_secs(45);
/// Longer than any command of a test takes; a refused `docker run --rm` hangs for ever without it.
const COMMAND: Duration = Duration::from_secs(120);

/// An authorization plugin that the daemon asks before every request.
#[derive(Debug, Clone)]
pub struct AuthorizationPlugin {
    /// The name that refusals mention. Private to this daemon, so every test may use the same.
    pub name: String,
    /// Where the plugin listens already: a daemon whose plugin does not answer gives up starting.
    pub socket: PathBuf,
}

/// What a test may want to be different.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Who is asked before every request; nobody by default.
    pub authorization_plugin: Option<AuthorizationPlugin>,
    /// Registries spoken to without TLS, as `host:port`. Those on 127.0.0.0/8 are without being named.
    pub insecure_registries: Vec<String>,
}

/// Where a daemon will be: for a plugin that has to know the daemon's socket before the daemon starts.
#[derive(Debug)]
pub struct Place(TempDir);

/// A running daemon; gone with its containers, images, networks and files on drop.
#[derive(Debug)]
pub struct Dockerd {
    directory: TempDir,
    supervisor: Option<Child>,
}

impl Place {
    /// Makes a directory for a daemon.
    ///
    /// # Errors
    /// When there is no room for it.
    pub fn make() -> Result<Self> {
        // Short, because socket paths below it may not exceed 107 bytes.
        TempDir::with_prefix("plimsoll-docker-").context("making the daemon's directory").map(Self)
    }

    /// The path that the daemon's API socket will have.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.0.path().join("docker.sock")
    }
}

impl Dockerd {
    /// Starts a daemon and waits until it serves. Wants root.
    ///
    /// It reaches registries on the host's 127.0.0.1. Containers on its bridge reach the host and each other, not the internet.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log, if it ended.
    pub async fn start(options: Options) -> Result<Self> {
        Self::start_at(Place::make()?, options).await
    }

    /// Starts a daemon as [`Dockerd::start`] does, in a place that was made before.
    ///
    /// # Errors
    /// When it does not come up; the message has the end of its log, if it ended.
    pub async fn start_at(Place(directory): Place, options: Options) -> Result<Self> {
        configure(directory.path(), &options).context("writing the daemon's configuration")?;
        let supervisor = std::process::Command::new("bash")
            .args(["-c", include_str!("docker/supervise.sh"), "supervise.sh"])
            .arg(directory.path())
            .arg(tools::dockerd())
            .current_dir("/")
            // Its own group, so that an interrupt from the terminal leaves it to its cleaning.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("starting the supervisor of dockerd")?;
        let mut daemon = Self { directory, supervisor: Some(supervisor) };
        daemon.serves().await.with_context(|| format!("starting {}", tools::dockerd().display()))?;
        Ok(daemon)
    }

    /// The path of its API socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// All that the daemon has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        let log = std::fs::read(self.directory.path().join("dockerd.log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The command line client, ready to take arguments, with neither the user's configuration nor contexts.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(tools::docker());
        command
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            .env("DOCKER_CONFIG", self.directory.path().join("client"))
            // The classic builder: newer clients want a plugin for the other one.
            .env("DOCKER_BUILDKIT", "0")
            .env_remove("DOCKER_HOST")
            .env_remove("DOCKER_CONTEXT");
        command
    }

    /// Runs the command line client to its end; a refusal is a [`Finished`] too. Bounded at two minutes.
    ///
    /// # Errors
    /// When it cannot be started or does not end in time.
    pub async fn docker(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = self.command();
        command.args(arguments);
        run(command, COMMAND).await
    }

    /// Loads the images of a tar archive (`docker save`'s format); yields what the client says of it.
    ///
    /// # Errors
    /// When the daemon refuses it.
    pub async fn load(&self, archive: &Path) -> Result<String> {
        let archive = archive.to_str().context("the path of the archive is not UTF-8")?;
        self.docker(&["load", "--quiet", "--input", archive]).await?.success()
    }

    /// Stops the daemon and removes every trace of it, as drop does, but tells what stayed.
    ///
    /// # Errors
    /// When a process, bridge, cgroup or file could not be removed; the message names it.
    pub fn stop(mut self) -> Result<()> {
        self.clean()
    }

    async fn serves(&mut self) -> Result<()> {
        let serves = eventually("dockerd to serve", START, async || {
            let ended = self.supervisor.as_mut().is_some_and(|child| !matches!(child.try_wait(), Ok(None)));
            // From its log, because the socket takes connections long before anybody answers.
            (ended || self.log().contains("API listen on")).then_some(!ended)
        });
        if !serves.await? {
            self.clean()?;
            bail!("its supervisor ended without a reason");
        }
        self.docker(&["version"]).await?.success().context("asking the new daemon for its version")?;
        Ok(())
    }

    fn clean(&mut self) -> Result<()> {
        let Some(mut supervisor) = self.supervisor.take() else { return Ok(()) };
        // The end of its input is the sign to clean up.
        drop(supervisor.stdin.take());
        let deadline = Instant::now() + STOP;
        while supervisor.try_wait().context("waiting for the supervisor of dockerd")?.is_none() {
            if Instant::now() > deadline {
                bail!(
                    "the supervisor of dockerd has not cleaned up within {STOP:?} (process {})",
                    supervisor.id()
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let status = supervisor.wait().context("waiting for the supervisor of dockerd")?;
        let mut reason = String::new();
        if let Some(mut stderr) = supervisor.stderr.take() {
            // Only for the message; without it the status says enough.
            let _ = stderr.read_to_string(&mut reason);
        }
        if !status.success() {
            bail!("the supervisor of dockerd ended with {status}. {}", reason.trim());
        }
        Ok(())
    }
}

impl Drop for Dockerd {
    #[expect(clippy::print_stderr, reason = "a drop has no other way to say that something stayed")]
    fn drop(&mut self) {
        if let Err(error) = self.clean() {
            eprintln!("{error:#}");
        }
    }
}

fn configure(directory: &Path, options: &Options) -> Result<()> {
    let plugins = directory.join("etc/docker/plugins");
    create_dir_all(&plugins)?;
    let mut names = Vec::new();
    if let Some(plugin) = &options.authorization_plugin {
        let socket = std::path::absolute(&plugin.socket)?;
        write(plugins.join(format!("{}.spec", plugin.name)), format!("unix://{}", socket.display()))?;
        names.push(&plugin.name);
    }
    let configuration = json!({
        "authorization-plugins": names,
        "insecure-registries": options.insecure_registries,
    });
    write(directory.join("daemon.json"), configuration.to_string())?;
    Ok(())
}

#[cfg(test)]
mod tests;
