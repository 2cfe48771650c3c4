//! The place where untrusted build steps run: own user, PID, mount, network, UTS and IPC namespaces, a root of its own, limits,
//! a clean environment. Not what runs in it: see `buildah`.
//!
//! Inside, root is an unprivileged user of this machine, there is no network but loopback, and of the machine only its programs
//! can be seen. The worker's files, sockets and credentials are not there at all. Whatever happens, nothing stays behind: the
//! mounts go with their namespace, the processes with theirs and with the control group, the files with the workspace.

mod cgroup;
mod workspace;

use std::ffi::OsString;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio::{fs, select};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::cgroup::{Group, Reached};
pub(crate) use self::workspace::Workspace;
use child::{Ended, Log, disk};

const OUTER: &str = include_str!("isolation/outer.sh");
const INNER: &str = include_str!("isolation/inner.sh");

/// Where builds happen on this machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where each build has its directory while it lasts; for one worker alone, which sweeps it when it starts.
    pub scratch: PathBuf,
    /// The control group below which each build has its own; on a unified hierarchy it must be delegated to the worker.
    pub cgroup_parent: String,
    /// The first user and group id of this machine that builds may use: systemd's range for containers by default.
    pub first_id: u32,
    /// How many ids; an image with files of a higher owner cannot be built on.
    pub ids: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scratch: PathBuf::from("/var/lib/plimsoll/builds"),
            cgroup_parent: "/plimsoll".to_owned(),
            first_id: 524_288,
            ids: 1 << 24,
        }
    }
}

/// What one build may use.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Memory and swap together; file cache counts until it is reclaimed.
    pub memory_bytes: u64,
    /// Processes and threads at a time.
    pub processes: u64,
    /// On disk: bases unpacked, steps and the result.
    pub disk_bytes: u64,
    /// From start to end.
    pub wall_seconds: u64,
    /// Of output kept; more is cut in the middle, with a mark.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory_bytes: 2 << 30,
            processes: 1024,
            disk_bytes: 20 << 30,
            wall_seconds: 30 * 60,
            log_bytes: 1 << 20,
        }
    }
}

/// Why a command did not come to its own end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The machine lacks the controllers.
    #[error(
        "/sys/fs/cgroup has no memory and pids controllers: builds cannot be limited here, so none is run"
    )]
    NoCgroups,
    /// A control group could not be made, set or removed.
    #[error("the control group {} failed; the worker must be root and the parent group delegated to it", path.display())]
    Cgroup {
        /// The file or directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The workspace could not be made or removed.
    #[error("{doing} a build's directory in {} failed", scratch.display())]
    Workspace {
        /// Making or removing.
        doing: &'static str,
        /// Where.
        scratch: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The first process could not be started.
    #[error("a build's child could not be run")]
    Run(#[source] io::Error),
    /// The namespaces or the root could not be made.
    #[error("the isolation could not be set up: {said}; util-linux, uidmap and root are needed")]
    SetUp {
        /// What the last step said.
        said: String,
    },
    /// The time is up.
    #[error("it was stopped after {0:?}, the most a build may take")]
    TimedOut(Duration),
    /// Told to stop.
    #[error("it was stopped on request")]
    Cancelled,
    /// The memory limit was enforced.
    #[error("it needed more than {0} bytes of memory")]
    Memory(u64),
    /// The process limit was enforced.
    #[error("it needed more than {0} processes at a time")]
    Processes(u64),
    /// The disk limit was passed.
    #[error("it wrote {found} bytes, and may write {limit}")]
    Disk {
        /// What was found.
        found: u64,
        /// What is allowed.
        limit: u64,
    },
}

impl Error {
    /// Whether the same call may succeed later without anybody changing anything.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Workspace { .. } | Self::Run(_) | Self::SetUp { .. } | Self::Cgroup { .. } => true,
            Self::Cancelled => true,
            // A build at its limit will be there again.
            Self::TimedOut(_) | Self::Memory(_) | Self::Processes(_) | Self::Disk { .. } => false,
            Self::NoCgroups => false,
        }
    }
}

/// A directory of this machine that is seen inside, read-only.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// Outside.
    pub(crate) from: PathBuf,
    /// Inside, absolute.
    pub(crate) to: String,
}

/// Makes places.
#[derive(Debug, Clone)]
pub(crate) struct Isolation {
    config: Config,
}

enum Stop {
    TimedOut,
    Cancelled,
    Disk(u64),
}

impl Isolation {
    /// One that works as `config` says. Run [`Isolation::sweep`] before the first build.
    pub(crate) fn new(config: Config) -> Self {
        Self { config }
    }

    /// Makes the scratch directory and removes what a killed worker left in it, its processes included.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let scratch = &self.config.scratch;
        let failed = |doing| move |source| Error::Workspace { doing, scratch: scratch.clone(), source };
        fs::create_dir_all(scratch).await.map_err(failed("making"))?;
        for name in workspace::left_behind(scratch).map_err(failed("looking for"))? {
            warn!(%name, "Removing what a build left behind when its worker was killed.");
            Group::left_behind(&self.config.cgroup_parent, &name)?.remove().await?;
            fs::remove_dir_all(scratch.join(name)).await.map_err(failed("removing"))?;
        }
        Ok(())
    }

    /// A fresh workspace.
    pub(crate) fn workspace(&self) -> Result<Workspace, Error> {
        let scratch = &self.config.scratch;
        let made = Workspace::create(scratch, self.config.first_id);
        made.map_err(|source| Error::Workspace { doing: "making", scratch: scratch.clone(), source })
    }

    /// Removes a workspace; nothing may run in it any more.
    pub(crate) async fn remove(&self, workspace: Workspace) -> Result<(), Error> {
        let removed =
            spawn_blocking(move || workspace.remove()).await.unwrap_or_else(|panic| Err(panic.into()));
        removed.map_err(|source| Error::Workspace {
            doing: "removing",
            scratch: self.config.scratch.clone(),
            source,
        })
    }

    /// Runs `command` in `workspace` and yields its exit code; its output goes to `log`. Nothing of it runs on afterwards.
    ///
    /// A limit that was enforced is an error even where the command went on and exited with 0.
    pub(crate) async fn run(
        &self,
        workspace: &Workspace,
        views: &[View],
        command: &[OsString],
        limits: &Limits,
        log: &mut Log,
        stop: &CancellationToken,
    ) -> Result<i32, Error> {
        let group = Group::create(&self.config.cgroup_parent, &workspace.name(), limits)?;
        let outer = self.command(workspace, views, command, &group);
        let consume = |bytes: &[u8]| {
            log.push(bytes);
            ControlFlow::Continue(())
        };
        let ran = child::run(outer, consume, stopped(workspace, limits, stop)).await;
        let reached = group.reached();
        group.remove().await?;
        let (ended, _) = ran.map_err(Error::Run)?;
        match (ended, reached) {
            (Ended::Stopped(Stop::Cancelled), _) => Err(Error::Cancelled),
            (_, Some(Reached::Memory)) => Err(Error::Memory(limits.memory_bytes)),
            (_, Some(Reached::Processes)) => Err(Error::Processes(limits.processes)),
            (Ended::Stopped(Stop::TimedOut), None) => Err(Error::TimedOut(wall(limits))),
            (Ended::Stopped(Stop::Disk(found)), None) => Err(Error::Disk { found, limit: limits.disk_bytes }),
            (Ended::Exited(_), None) if !workspace.is_ready() => {
                let text = log.text();
                let said = text.lines().last().unwrap_or("it said nothing");
                Err(Error::SetUp { said: said.chars().filter(|c| !c.is_control()).take(300).collect() })
            }
            // As shells do it: 128 and the signal.
            (Ended::Exited(status), None) => {
                Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
            }
        }
    }

    fn command(&self, workspace: &Workspace, views: &[View], command: &[OsString], group: &Group) -> Command {
        let mut outer = Command::new("/bin/sh");
        outer.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("LC_ALL", "C.UTF-8");
        // Held by us: its end tells the child that we are gone.
        outer.stdin(Stdio::piped()).current_dir("/");
        outer.args(["-c", OUTER, "outer"]).args(group.dirs()).args(["--", INNER]).arg(workspace.path());
        outer.args([self.config.first_id.to_string(), self.config.ids.to_string()]);
        for view in views {
            outer.arg(&view.from).arg(&view.to);
        }
        outer.arg("--").args(command);
        outer
    }
}

async fn stopped(workspace: &Workspace, limits: &Limits, stop: &CancellationToken) -> Stop {
    select! {
        biased;
        () = stop.cancelled() => Stop::Cancelled,
        () = sleep(wall(limits)) => Stop::TimedOut,
        found = disk::exceeds(workspace.build(), limits.disk_bytes) => Stop::Disk(found),
    }
}

fn wall(limits: &Limits) -> Duration {
    Duration::from_secs(limits.wall_seconds)
}

#[cfg(test)]
mod tests;
