//! One ShellCheck process over many scripts. Not which scripts, and not what is kept of the answers.

use std::{
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use child::Ended;
use tokio::{process::Command, time};

use crate::report::{self, Note};

/// What ShellCheck may print about the scripts of one process: some hundred notes about each.
const REPORT_BYTES: usize = 64 * 1024 * 1024;
/// Starts what follows with so many seconds of processor time: whoever asked may be killed before it could end what it asked, and
/// ShellCheck on a script of ten thousand lines takes more memory the longer it runs. A limit that is lower already cannot be raised, and is as good.
const LIMITED: &str = r#"ulimit -t "$1" 2>/dev/null; shift; exec "$@""#;
/// Left out as hadolint leaves them out: files that are sourced are not here (1090, 1091), BusyBox's shell is checked as dash (2187),
/// and the line that names the shell is ours: SHELL may have several arguments (2096) and a name without a path (2239).
const LEFT_OUT: &str = "SC1090,SC1091,SC2096,SC2187,SC2239";

/// Why there is no answer from ShellCheck.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The scripts could not be put where it reads them.
    #[error("the scripts could not be written to a temporary folder")]
    Scripts(#[source] io::Error),
    /// It did not start, or could not be listened to.
    #[error("{program} could not be run")]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It took too long.
    #[error("shellcheck did not finish within {0:?}; leave it out with --no-shellcheck")]
    Slow(Duration),
    /// It printed too much.
    #[error("shellcheck printed more than {REPORT_BYTES} bytes; leave it out with --no-shellcheck")]
    Long,
    /// It failed.
    #[error("shellcheck ended with {status}: {said}; version 0.7 or newer is needed")]
    Failed {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The beginning and the end of what it said.
        said: String,
    },
    /// What it printed cannot be read.
    #[error("shellcheck's report cannot be read; version 0.7 or newer is needed")]
    Report(#[source] serde_json::Error),
}

/// What ShellCheck says about each text, in the order of the texts.
pub(crate) async fn run(program: &Path, texts: &[String], within: Duration) -> Result<Vec<Vec<Note>>, Error> {
    let folder = tempfile::tempdir().map_err(Error::Scripts)?;
    for (number, text) in texts.iter().enumerate() {
        tokio::fs::write(folder.path().join(number.to_string()), text).await.map_err(Error::Scripts)?;
    }
    let start = |source| Error::Start { program: program.to_owned(), source };
    tokio::fs::metadata(program).await.map_err(start)?;
    let mut command = limited(program, within);
    command
        .args(["--norc", "--format=json1", "--exclude", LEFT_OUT, "--"])
        .args((0..texts.len()).map(|number| number.to_string()))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        // What is found must not depend on who runs it.
        .env_remove("SHELLCHECK_OPTS");
    let mut printed = Vec::new();
    let consume = |bytes: &[u8]| {
        if printed.len() + bytes.len() > REPORT_BYTES {
            return ControlFlow::Break(Error::Long);
        }
        printed.extend_from_slice(bytes);
        ControlFlow::Continue(())
    };
    let stop = async {
        time::sleep(within).await;
        Error::Slow(within)
    };
    let ended = child::run(command, consume, stop).await;
    match ended.map_err(start)? {
        // 1 says that there are findings.
        (Ended::Exited(status), _) if matches!(status.code(), Some(0 | 1)) => {
            report::read(&printed, texts.len()).map_err(Error::Report)
        }
        (Ended::Exited(status), said) => Err(Error::Failed { status, said: said.text().trim().to_owned() }),
        (Ended::Stopped(error), _) => Err(error),
    }
}

/// A program that ends by itself once it has had so much processor time.
fn limited(program: &Path, within: Duration) -> Command {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", LIMITED, "sh", &within.as_secs().max(1).to_string()]).arg(program);
    command
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    /// Nobody waits for it here who would end it.
    #[tokio::test]
    async fn what_nobody_ends_ends_by_itself() {
        let mut spinning = limited(Path::new("/bin/sh"), Duration::from_secs(1));
        let ended = spinning.args(["-c", "while :; do :; done"]).kill_on_drop(true).status();
        let status = time::timeout(Duration::from_secs(60), ended).await.expect("it goes on").unwrap();
        assert!(status.signal().is_some(), "{status}");
    }

    #[tokio::test]
    async fn a_limit_that_cannot_be_set_hinders_nobody() {
        let mut lower = Command::new("/bin/sh");
        lower.args([
            "-c",
            r#"ulimit -t 5; exec "$@""#,
            "sh",
            "/bin/sh",
            "-c",
            LIMITED,
            "sh",
            "x",
            "/bin/true",
        ]);
        assert!(lower.status().await.unwrap().success());
    }
}
