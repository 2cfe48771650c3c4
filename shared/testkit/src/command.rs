//! One run of a command-line program to its end, with a bound. What goes on running is [`crate::process`]'s.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::time::timeout;

/// How a command ended, with all it said.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The command line, for messages.
    pub line: String,
    /// The exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// Standard output; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// Standard error; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

impl Finished {
    /// Standard output without the white space around it, of a command that exited with 0.
    ///
    /// # Errors
    /// The command line, the code and standard error of one that did not.
    pub fn success(self) -> Result<String> {
        match self.code {
            Some(0) => Ok(self.stdout.trim().to_owned()),
            code => bail!("`{}` exited with {code:?}: {}", self.line, self.stderr.trim()),
        }
    }
}

/// Runs `command` to its end with empty standard input.
///
/// # Errors
/// When it cannot be started, or has not ended within `bound` (it is killed then).
pub async fn run(command: Command, bound: Duration) -> Result<Finished> {
    run_with_input(command, &[], bound).await
}

/// Runs `command` to its end with `input` as its standard input.
///
/// # Errors
/// As [`run`]. A command that ends without reading all of its input is no error.
pub async fn run_with_input(mut command: Command, input: &[u8], bound: Duration) -> Result<Finished> {
    let line = describe(&command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().with_context(|| format!("starting `{line}`"))?;
    let stdin = child.stdin.take();
    let write = async {
        if let Some(mut stdin) = stdin {
            // A command may end before it has read all: how it ended says more than the broken pipe.
            let _ = stdin.write_all(input).await;
        }
    };
    let ended = timeout(bound, async { tokio::join!(write, child.wait_with_output()).1 }).await;
    let output = ended
        .with_context(|| format!("`{line}` has not ended within {bound:?}"))?
        .with_context(|| format!("running `{line}`"))?;
    Ok(Finished {
        line,
        code: output.status.code(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

fn describe(command: &Command) -> String {
    let command = command.as_std();
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn hands_over_input_and_yields_output() {
        let finished = run_with_input(shell("tr a-z A-Z"), b"plimsoll\n", Duration::from_secs(10)).await;
        assert_eq!(finished.unwrap().success().unwrap(), "PLIMSOLL");
    }

    #[tokio::test]
    async fn a_failure_carries_code_and_reason() {
        let finished = run(shell("echo overloaded >&2; exit 4"), Duration::from_secs(10)).await.unwrap();
        assert_eq!(finished.code, Some(4));
        assert!(finished.success().unwrap_err().to_string().contains("overloaded"));
    }

    #[tokio::test]
    async fn a_command_that_hangs_is_bounded() {
        let outcome = run(shell("exec sleep 60"), Duration::from_millis(50)).await;
        assert!(outcome.unwrap_err().to_string().contains("has not ended"));
    }
}
