//! Every process that `plimsoll up` keeps is replaced, however it ends: asked to, by a fault of its own, or frozen without an end.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use events::topology::Role;
use rustix::process::{Pid, Signal, kill_process};
use testkit::{
    process::{Process, free_port},
    wait::eventually,
};
use tests::{
    processes,
    world::{STEP, plimsoll},
};

/// Within this time every process is replaced, whatever happened to it.
const RECOVERY: Duration = Duration::from_secs(30);

/// Each role's process, and how often the role has started.
type Running = BTreeMap<Role, (u32, usize)>;

/// `plimsoll up` without anything around it.
struct Pipeline {
    up: Process,
    folder: tempfile::TempDir,
}

impl Pipeline {
    async fn start() -> Result<Self> {
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
        command.args(["up", "--data"]).arg(folder.path().join("data")).arg("--config").arg(&config);
        let pipeline = Self { up: Process::start("plimsoll up", command)?, folder };
        pipeline.all().await?;
        Ok(pipeline)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn process(&self, name: &str) -> Result<u32> {
        processes::find(self.up.id(), name)
    }

    /// How often the role has started and connected.
    fn starts(&self, role: Role) -> usize {
        let log = self.data().join(format!("logs/{role}.log"));
        fs::read_to_string(log).unwrap_or_default().matches("Started.").count()
    }

    /// Every role's process, and how often the role has started, once all of them run.
    async fn all(&self) -> Result<Running> {
        let all = async || -> Result<Running> {
            let running = |role: Role| Ok((role, (self.process(role.as_str())?, self.starts(role))));
            let running: Running = Role::ALL.into_iter().map(running).collect::<Result<_>>()?;
            ensure!(running.values().all(|(_, starts)| *starts > 0), "not all have started: {running:?}");
            Ok(running)
        };
        eventually("every role to run", STEP, all).await
    }

    /// Waits until each of the processes has been replaced by another one that has connected.
    async fn replaced(&self, what: &str, before: &Running) -> Result<()> {
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

fn signal(process: u32, signal: Signal) -> Result<()> {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(process, signal)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_replaced_however_it_ends() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let mut wrong = Vec::new();
    let endings = [
        ("SIGTERM", Signal::TERM),
        ("SIGINT", Signal::INT),
        ("SIGKILL", Signal::KILL),
        ("SIGSTOP", Signal::STOP),
    ];
    for (name, sent) in endings {
        let before = pipeline.all().await.unwrap();
        for (process, _) in before.values() {
            signal(*process, sent).unwrap();
        }
        if let Err(error) = pipeline.replaced(name, &before).await {
            wrong.push(format!("{error:#}"));
            // The next row begins with processes that live.
            for (process, _) in before.values() {
                signal(*process, Signal::KILL).ok();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", pipeline.up.log());
    pipeline.up.terminate(STEP).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_replaced_however_it_ends() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    for (name, sent) in [("SIGTERM", Signal::TERM), ("SIGKILL", Signal::KILL), ("SIGSTOP", Signal::STOP)] {
        let before = pipeline.process("nats-server").unwrap();
        signal(before, sent).unwrap();
        let again = async || pipeline.process("nats-server").is_ok_and(|now| now != before);
        if let Err(error) =
            eventually(format_args!("the broker to be replaced after {name}"), RECOVERY, again).await
        {
            panic!("{error:#}\n{}", pipeline.up.log());
        }
    }
    pipeline.up.terminate(STEP).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outlives_a_supervisor_that_is_killed() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let mut left: Vec<u32> =
        pipeline.all().await.unwrap().into_values().map(|(process, _)| process).collect();
    left.push(pipeline.process("nats-server").unwrap());
    pipeline.up.kill().unwrap();
    let gone = async || {
        left.retain(|process| is_alive(*process));
        left.is_empty()
    };
    eventually("every process to end", RECOVERY, gone).await.unwrap();
}

/// Whether the process runs; what has ended and is only waited for does not.
fn is_alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

/// A seed that is gone for a while is a fault that each of them has by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_comes_back_after_its_own_faults() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let before = pipeline.all().await.unwrap();
    let (keys, away) = (pipeline.data().join("keys"), pipeline.data().join("away"));
    fs::rename(&keys, &away).unwrap();
    for (process, _) in before.values() {
        signal(*process, Signal::KILL).unwrap();
    }
    for role in Role::ALL {
        let log = pipeline.data().join(format!("logs/{role}.log"));
        let failed = async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.matches("The service ends.").count() >= 2
        };
        let what = format_args!("{role} to fail, and to be tried again");
        if let Err(error) = eventually(what, RECOVERY, failed).await {
            panic!("{error:#}\n{}", pipeline.up.log());
        }
    }
    fs::rename(&away, &keys).unwrap();
    if let Err(error) = pipeline.replaced("a fault", &before).await {
        panic!("{error:#}\n{}", pipeline.up.log());
    }
    pipeline.up.terminate(STEP).await.unwrap();
}
