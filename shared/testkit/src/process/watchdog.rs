//! The last resort for a test process that is killed: a shell that outlives it just long enough to kill what it left.
//!
//! A parent-death signal would not do: it fires when the thread that started the child ends, and test threads do.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};

/// One a process, started at the first use. Its input closes by itself when this process ends, however it ends.
static WATCHDOG: Mutex<Option<Child>> = Mutex::new(None);

/// Has the process group killed when this process ends without [`release`].
pub(super) fn guard(group: u32) -> Result<()> {
    tell(&format!("guard {group}\n"))
}

/// Forgets the process group.
pub(super) fn release(group: u32) -> Result<()> {
    tell(&format!("release {group}\n"))
}

fn tell(line: &str) -> Result<()> {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    if watchdog.is_none() {
        *watchdog = Some(start()?);
    }
    let stdin = watchdog.as_mut().and_then(|child| child.stdin.as_mut());
    stdin.context("the watchdog has no input")?.write_all(line.as_bytes()).context("telling the watchdog")
}

fn start() -> Result<Child> {
    Command::new("sh")
        .args(["-c", include_str!("watchdog.sh"), "testkit-watchdog"])
        .current_dir("/")
        // Its own group, so that an interrupt from the terminal does not end it with the test.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the watchdog shell")
}
