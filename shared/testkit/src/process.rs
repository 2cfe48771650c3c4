//! A child process that cannot outlive its test: its whole group is killed on drop, and when the test itself is killed.
//!
//! Not a supervisor: it restarts nothing by itself. One run to the end is [`crate::command`]'s.

mod watchdog;

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait::{Attempt, eventually};

/// How much of the end of a log goes into a message.
const TAIL_BYTES: usize = 4096;

/// A running (or killed, or ended) child process with its log.
///
/// Standard output and standard error go to one log file, which goes with the guard and its readers.
#[derive(Debug)]
pub struct Process {
    name: String,
    command: Command,
    child: Child,
    /// Every group this guard ever led: a killed leader may have left children.
    groups: Vec<Pid>,
    log: Log,
}

/// What a process writes, readable at any time. Clones read the same.
///
/// The file has no name, so that nothing stays when the test is killed.
#[derive(Debug, Clone)]
pub struct Log(Arc<File>);

impl Log {
    /// All that was written so far; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        let length = self.0.metadata().map(|metadata| metadata.len()).unwrap_or_default();
        let mut text = vec![0; usize::try_from(length).unwrap_or_default()];
        // By position: the offset of the file is the writers'. A log that cannot be read is as good as an empty one.
        match self.0.read_exact_at(&mut text, 0) {
            Ok(()) => String::from_utf8_lossy(&text).into_owned(),
            Err(_) => String::new(),
        }
    }
}

impl Process {
    /// Starts `command` in a process group of its own; `name` is for messages.
    ///
    /// # Errors
    /// When the program cannot be started; the message has its path.
    pub fn start(name: impl Into<String>, mut command: Command) -> Result<Self> {
        let name = name.into();
        let log = Log(Arc::new(tempfile::tempfile().context("making a log file")?));
        let handle = || log.0.try_clone().context("sharing the log file");
        command.stdin(Stdio::null()).stdout(handle()?).stderr(handle()?).process_group(0);
        let (child, group) = spawn(&name, &mut command)?;
        Ok(Self { name, command, child, groups: vec![group], log })
    }

    /// The process id of the latest start.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How the process ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("asking after {}", self.name))
    }

    /// All that the process has written so far, over all its starts.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.text()
    }

    /// A handle on [`Self::log`], for probes that read it while the guard is borrowed.
    #[must_use]
    pub fn log_reader(&self) -> Log {
        self.log.clone()
    }

    /// Waits until `probe` succeeds and yields its value.
    ///
    /// # Errors
    /// At once when the process ends, else after `timeout`; the message has the end of the log.
    pub async fn ready<A: Attempt>(
        &mut self,
        timeout: Duration,
        mut probe: impl AsyncFnMut() -> A,
    ) -> Result<A::Value> {
        let what = format!("{} to be ready", self.name);
        let waited = eventually(what, timeout, async || match self.ended() {
            Ok(None) => probe().await.settle().map(Ok),
            Ok(Some(status)) => Ok(Err(anyhow!("{} ended with {status}", self.name))),
            Err(error) => Ok(Err(error)),
        })
        .await;
        waited.and_then(|outcome| outcome).with_context(|| format!("its log ends:\n{}", self.tail()))
    }

    /// Kills the process alone, as a crash would: no warning, and its children live on until they notice. Idempotent.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn kill(&mut self) -> Result<()> {
        // The standard library remembers a child that was waited for, so a reused id is never hit.
        self.child.kill().with_context(|| format!("killing {}", self.name))?;
        self.child.wait().with_context(|| format!("waiting for {}", self.name))?;
        Ok(())
    }

    /// Asks the process to stop (SIGTERM) and waits for its end.
    ///
    /// # Errors
    /// When it runs on after `timeout`; the message has the end of the log. It is not killed then.
    pub async fn terminate(&mut self, timeout: Duration) -> Result<ExitStatus> {
        if self.ended()?.is_none() {
            let process = pid(self.id())?;
            kill_process(process, Signal::TERM).with_context(|| format!("stopping {}", self.name))?;
        }
        let what = format!("{} to stop", self.name);
        // An unknown state is as good as not yet.
        let ended = eventually(what, timeout, async || self.ended().ok().flatten()).await;
        ended.with_context(|| format!("its log ends:\n{}", self.tail()))
    }

    /// Starts the same command again, after killing it if it still runs.
    ///
    /// # Errors
    /// As [`Self::kill`] and [`Self::start`].
    pub fn restart(&mut self) -> Result<()> {
        self.kill()?;
        let (child, group) = spawn(&self.name, &mut self.command)?;
        self.child = child;
        self.groups.push(group);
        Ok(())
    }

    fn tail(&self) -> String {
        let log = self.log();
        let start = log.len().saturating_sub(TAIL_BYTES);
        let start = (start..=log.len()).find(|index| log.is_char_boundary(*index)).unwrap_or_default();
        log.get(start..).unwrap_or_default().to_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for group in &self.groups {
            // Fails only when the group is empty, which is what is wanted.
            let _ = kill_process_group(*group, Signal::KILL);
            // The watchdog is a second net: without it the first has done its work.
            let _ = watchdog::release(group.as_raw_nonzero().get().unsigned_abs());
        }
        // Killed above: this reaps it.
        let _ = self.child.wait();
    }
}

fn spawn(name: &str, command: &mut Command) -> Result<(Child, Pid)> {
    let program = command.get_program().to_owned();
    let child = command.spawn().with_context(|| format!("starting {name} ({})", program.display()))?;
    watchdog::guard(child.id())?;
    let group = pid(child.id())?;
    Ok((child, group))
}

fn pid(id: u32) -> Result<Pid> {
    i32::try_from(id).ok().and_then(Pid::from_raw).with_context(|| format!("{id} is no process id"))
}

/// Ports that the system does not hand out to outgoing connections on its own (Linux starts at 32768).
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A TCP port of 127.0.0.1 on which nobody listens, different at each call.
///
/// Nothing reserves it: two test processes begin in different places of the range, so they hardly meet.
///
/// # Errors
/// When every port of the range is taken.
pub fn free_port() -> Result<u16> {
    static CALLS: AtomicU16 = AtomicU16::new(0);
    let width = PORTS.end - PORTS.start;
    // Consecutive process ids are far apart, so that test processes side by side do not run into each other.
    let first = u16::try_from(std::process::id().wrapping_mul(97) % u32::from(width))?;
    for _ in 0..width {
        let offset = (u32::from(first) + u32::from(CALLS.fetch_add(1, Ordering::Relaxed))) % u32::from(width);
        let port = PORTS.start + u16::try_from(offset)?;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("no port of {PORTS:?} is free on 127.0.0.1")
}

#[cfg(test)]
mod tests;
