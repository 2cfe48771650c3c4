//! Programs that a test makes up. Not what they do.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

/// Writes a program and makes it one that can be run.
///
/// Another process writes it: tests are threads of one, and whatever a thread starts inherits for a moment every file that another has
/// open, so that the kernel would call a program busy which this process wrote itself.
///
/// # Errors
/// When it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<()> {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", r#"PATH=/usr/bin:/bin; cat >"$1" && chmod 755 "$1""#, "sh"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .context("/bin/sh")?;
    if let Some(mut input) = shell.stdin.take() {
        input.write_all(text.as_bytes())?;
    }
    let status = shell.wait()?;
    ensure!(status.success(), "{}: {status}", path.display());
    Ok(())
}
