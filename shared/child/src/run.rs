//! One child process in a process group of its own, run to its end or until told to stop. Not what it may do: see `isolation`.

use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::{select, time, try_join};

use crate::log::Log;

/// How much of standard error is kept: enough for what git says when it fails.
const STDERR_BYTES: usize = 64 * 1024;
/// How long the kernel may take to end a killed group; it is milliseconds unless the machine is in trouble.
const REAP_WITHIN: Duration = Duration::from_secs(10);

/// How a child ended.
#[derive(Debug)]
pub enum Ended<S> {
    /// By itself.
    Exited(ExitStatus),
    /// Killed, because `consume` broke off or `stop` was ready first.
    Stopped(S),
}

/// Runs `command` and hands its standard output to `consume` as it comes; yields its end and what it said on standard error.
///
/// The child and all that it starts in its group are killed when `stop` is ready, when `consume` breaks, and when this future
/// is dropped. A piped standard input is held open until the child has ended, so that the child can notice our own end.
pub async fn run<S>(
    mut command: Command,
    mut consume: impl FnMut(&[u8]) -> ControlFlow<S>,
    stop: impl Future<Output = S>,
) -> io::Result<(Ended<S>, Log)> {
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut group = Group::of(&child);
    // `Child::wait` would close it.
    let lifeline = child.stdin.take();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let mut said = Log::new(STDERR_BYTES);
    let ended = {
        let whole = async {
            let reading = read(stdout, &mut consume);
            let listening = read(stderr, |bytes| {
                said.push(bytes);
                ControlFlow::Continue(())
            });
            let waiting = async { child.wait().await.map_err(Interrupt::Io) };
            try_join!(reading, listening, waiting).map(|((), (), status)| status)
        };
        select! {
            biased;
            reason = stop => Err(Interrupt::Stop(reason)),
            ended = whole => ended,
        }
    };
    let ended = match ended {
        Ok(status) => {
            group.release();
            Ended::Exited(status)
        }
        Err(Interrupt::Stop(reason)) => {
            group.kill();
            time::timeout(REAP_WITHIN, child.wait()).await.map_err(|_| io::ErrorKind::TimedOut)??;
            Ended::Stopped(reason)
        }
        Err(Interrupt::Io(error)) => return Err(error),
    };
    drop(lifeline);
    Ok((ended, said))
}

enum Interrupt<S> {
    Io(io::Error),
    Stop(S),
}

async fn read<S>(
    pipe: Option<impl AsyncRead + Unpin>,
    mut consume: impl FnMut(&[u8]) -> ControlFlow<S>,
) -> Result<(), Interrupt<S>> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = vec![0; 32 * 1024];
    loop {
        let count = pipe.read(&mut buffer).await.map_err(Interrupt::Io)?;
        match buffer.get(..count) {
            None | Some([]) => return Ok(()),
            Some(bytes) => {
                if let ControlFlow::Break(reason) = consume(bytes) {
                    return Err(Interrupt::Stop(reason));
                }
            }
        }
    }
}

/// A process group that dies with this value.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw))
    }

    fn kill(&mut self) {
        if let Some(leader) = self.0.take() {
            // An error means that nothing is left to be killed.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }

    /// The leader has been reaped: its number may belong to another process from now on.
    fn release(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        command
    }

    #[tokio::test]
    async fn output_and_status_come_back() {
        let mut seen = Vec::new();
        let consume = |bytes: &[u8]| {
            seen.extend_from_slice(bytes);
            ControlFlow::Continue(())
        };
        let (ended, said) = run(shell("echo out; echo err >&2; exit 3"), consume, pending()).await.unwrap();
        assert!(matches!(ended, Ended::<()>::Exited(status) if status.code() == Some(3)));
        assert_eq!((seen.as_slice(), said.text().as_str()), (b"out\n".as_slice(), "err\n"));
    }

    #[tokio::test]
    async fn a_stop_ends_grandchildren_too() {
        // The grandchild holds the pipe: reading would go on until it is gone.
        let stop = time::sleep(Duration::from_millis(100));
        let script = shell("sleep 1000 & sleep 1000");
        let (ended, _) = run(script, |_| ControlFlow::Continue(()), stop).await.unwrap();
        assert!(matches!(ended, Ended::Stopped(())));
    }

    #[tokio::test]
    async fn the_consumer_may_break_off() {
        let (ended, _) = run(shell("yes"), |_| ControlFlow::Break("enough"), pending()).await.unwrap();
        assert!(matches!(ended, Ended::Stopped("enough")));
    }
}
