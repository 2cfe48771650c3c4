//! The pipeline's processes as the kernel sees them: found below their supervisor, and killed without a word.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// The process of `role` below the supervisor `parent`; the broker is `nats-server`.
pub fn find(parent: u32, role: &str) -> Result<u32> {
    let children =
        fs::read_dir("/proc")?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    children
        .filter(|process| parent_of(*process) == Some(parent))
        .find(|process| {
            command_line(*process).iter().any(|word| word == role || Path::new(word).ends_with(role))
        })
        .with_context(|| format!("no process of {role} below {parent}"))
}

/// Kills `role` below `parent` with SIGKILL; yields the process that died.
pub fn kill(parent: u32, role: &str) -> Result<u32> {
    let process = find(parent, role)?;
    signal(process, "KILL")?;
    Ok(process)
}

/// Sends a signal, by its name without SIG.
pub fn signal(process: u32, signal: &str) -> Result<()> {
    let status =
        std::process::Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status()?;
    anyhow::ensure!(status.success(), "{process} did not take {signal}");
    Ok(())
}

fn parent_of(process: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is the name in parentheses, which may hold anything; state and parent follow the last one.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn command_line(process: u32) -> Vec<String> {
    let words = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    words.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}
