//! `plimsoll up` with nothing around it: every role and the broker, for tests of how they are kept running.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use events::topology::Role;
use testkit::{
    command::{Finished, run},
    process::{Process, free_port},
    wait::eventually,
};

use crate::{
    processes,
    world::{STEP, plimsoll},
};

/// Within this time every process is replaced, whatever happened to it.
pub const RECOVERY: Duration = Duration::from_secs(30);

/// Each role's process, and how often the role has started.
pub type Running = BTreeMap<Role, (u32, usize)>;

/// `plimsoll up` without anything around it.
pub struct Pipeline {
    /// `plimsoll up`.
    pub up: Process,
    data: PathBuf,
    broker: String,
    _folder: tempfile::TempDir,
}

impl Pipeline {
    /// Starts it with a data folder of its own, and waits until every role runs.
    pub async fn start() -> Result<Self> {
        Self::start_in(None).await
    }

    /// As [`Self::start`], with the data in a folder that is there already.
    pub async fn start_in(data: Option<&Path>) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plimsoll-supervision-").tempdir()?;
        let config = folder.path().join("up.toml");
        let (port, hooks) = (free_port()?, free_port()?);
        let nats_server = testkit::tools::nats_server();
        let text = format!(
            "[up]\nport = {port}\nnats_server = \"{}\"\n[watcher]\nlisten = \"127.0.0.1:{hooks}\"\n",
            nats_server.display()
        );
        fs::write(&config, text)?;
        let mut command = plimsoll();
        let data = data.map_or_else(|| folder.path().join("data"), Path::to_owned);
        command.args(["up", "--data"]).arg(&data).arg("--config").arg(&config);
        let broker = format!("nats://127.0.0.1:{port}");
        let pipeline = Self { up: Process::start("plimsoll up", command)?, data, broker, _folder: folder };
        pipeline.all().await?;
        Ok(pipeline)
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The broker's address.
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// The process of a role; the broker is `nats-server`.
    ///
    /// # Errors
    /// When there is none.
    pub fn process(&self, name: &str) -> Result<u32> {
        processes::find(self.up.id(), name)
    }

    /// What `plimsoll status` says.
    pub async fn status(&self) -> Result<Finished> {
        let mut command = tokio::process::Command::from(plimsoll());
        command.args(["status", "--context"]).arg(self.data().join("contexts/operator.json"));
        run(command, STEP).await
    }

    /// How often the role has started and connected.
    fn starts(&self, role: Role) -> usize {
        let log = self.data().join(format!("logs/{role}.log"));
        fs::read_to_string(log).unwrap_or_default().matches("Started.").count()
    }

    /// Every role's process, and how often the role has started, once all of them run.
    pub async fn all(&self) -> Result<Running> {
        let all = async || -> Result<Running> {
            let running = |role: Role| Ok((role, (self.process(role.as_str())?, self.starts(role))));
            let running: Running = Role::ALL.into_iter().map(running).collect::<Result<_>>()?;
            ensure!(running.values().all(|(_, starts)| *starts > 0), "not all have started: {running:?}");
            Ok(running)
        };
        eventually("every role to run", STEP, all).await
    }

    /// Waits until each of the processes has been replaced by another one that has connected.
    pub async fn replaced(&self, what: &str, before: &Running) -> Result<()> {
        let since = Instant::now();
        for (role, (process, starts)) in before {
            let again = async || {
                let now = self.process(role.as_str());
                now.is_ok_and(|now| now != *process) && self.starts(*role) > *starts
            };
            let left = RECOVERY.saturating_sub(since.elapsed());
            eventually(format_args!("{role} to be replaced after {what}"), left, again).await?;
        }
        Ok(())
    }
}
