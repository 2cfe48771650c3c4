//! The end of a process, watched from a thread of its own: signals, the parent's death, and a bound that holds whatever blocks. The
//! service's own runtime may be stuck when it is needed most.

use std::{
    io,
    os::fd::AsFd as _,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

use tokio::{
    io::AsyncReadExt as _,
    net::unix::pipe,
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use crate::FAULT;

/// How long a service may take to end: its body, its tasks and its connection together. Builds take longer, and are given back to the
/// queue.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

/// How much longer the process may live. The supervisor kills after 15 s; this is earlier, so that the exit code is kept.
const LAST: Duration = Duration::from_secs(2);

/// No exit code yet.
const NONE: u8 = u8::MAX;

/// Watches over the end of this process. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    /// Cancelled when the service is to end.
    pub(crate) stop: CancellationToken,
    code: Arc<AtomicU8>,
}

impl Ending {
    /// Starts to watch. The first signal cancels `stop`; a second one ends the process at once. With `parent`, the end of standard
    /// input cancels `stop` too.
    ///
    /// # Errors
    /// When the thread cannot be started, or standard input is no pipe.
    pub(crate) fn watch(parent: bool) -> io::Result<Self> {
        let ending = Self { stop: CancellationToken::new(), code: Arc::new(AtomicU8::new(NONE)) };
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (signals, parent) = {
            let _entered = runtime.enter();
            (Signals::new()?, parent.then(lifeline).transpose()?)
        };
        let watched = ending.clone();
        thread::Builder::new().name("ending".to_owned()).spawn(move || {
            let code = runtime.block_on(watched.bounded(signals, parent));
            std::process::exit(i32::from(code));
        })?;
        Ok(ending)
    }

    /// The service has ended with `code`; what is still to be done is bounded from here on.
    pub(crate) fn ended(&self, code: u8) -> ExitCode {
        self.code.store(code, Ordering::Release);
        self.stop.cancel();
        ExitCode::from(code)
    }

    /// Returns when the process must end, whatever still runs in it.
    async fn bounded(&self, mut signals: Signals, parent: Option<pipe::Receiver>) -> u8 {
        let mut parent = parent;
        tokio::select! {
            () = self.stop.cancelled() => {}
            () = signals.next() => debug!("Asked to end."),
            () = closed(&mut parent) => debug!("The parent process is gone."),
        }
        self.stop.cancel();
        tokio::select! {
            () = signals.next() => return FAULT,
            () = tokio::time::sleep(GRACE + LAST) => {}
        }
        error!("The process did not end within {} s and exits now.", (GRACE + LAST).as_secs());
        match self.code.load(Ordering::Acquire) {
            NONE => FAULT,
            code => code,
        }
    }
}

#[derive(Debug)]
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Standard input as a pipe that is polled: a blocking read of it would keep a thread that no runtime can end.
fn lifeline() -> io::Result<pipe::Receiver> {
    pipe::Receiver::from_owned_fd(io::stdin().as_fd().try_clone_to_owned()?)
}

/// Waits until the other end is closed, by will or by death; for ever without a pipe.
async fn closed(parent: &mut Option<pipe::Receiver>) {
    let Some(pipe) = parent else { return std::future::pending().await };
    let mut byte = [0];
    // The parent writes nothing.
    while pipe.read(&mut byte).await.is_ok_and(|count| count > 0) {}
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        process::{Child, Command, Stdio},
        time::Instant,
    };

    use rustix::process::{Pid, Signal, kill_process};

    use super::*;

    /// Set in the process that is to end.
    const VICTIM: &str = "PLIMSOLL_TEST_ENDING";

    /// A process that blocks wherever a service can: on its main thread, its runtime's threads, and those for blocking work.
    #[test]
    fn victim() {
        if env::var_os(VICTIM).is_none() {
            return;
        }
        let _ending = Ending::watch(true).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.spawn_blocking(|| thread::sleep(Duration::MAX));
        runtime.block_on(async {
            tokio_util::task::TaskTracker::new().spawn(async { thread::sleep(Duration::MAX) });
        });
        thread::sleep(Duration::MAX);
    }

    fn start() -> Child {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "ending::tests::victim", "--nocapture"]).env(VICTIM, "1");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn terminate(child: &Child) {
        let process = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
        kill_process(process, Signal::TERM).unwrap();
    }

    /// Ends it as `end` does, and says how it ended and after how long.
    #[track_caller]
    fn ends(end: impl FnOnce(&mut Child)) -> (Option<i32>, Duration) {
        let mut child = start();
        // Before it has taken the signal over, the signal just ends it.
        let catches = || {
            let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
            u64::from_str_radix(caught, 16).unwrap() & (1 << (15 - 1)) != 0
        };
        let begun = Instant::now();
        while !catches() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it did not start");
            thread::yield_now();
        }
        let asked = Instant::now();
        end(&mut child);
        while child.try_wait().unwrap().is_none() {
            assert!(asked.elapsed() < (GRACE + LAST) * 2, "it did not end");
            thread::park_timeout(Duration::from_millis(50));
        }
        (child.wait().unwrap().code(), asked.elapsed())
    }

    #[test]
    fn a_process_ends_within_its_grace_whatever_blocks() {
        let (code, after) = ends(|child| terminate(child));
        assert_eq!(code, Some(i32::from(FAULT)));
        assert!(after >= GRACE, "{after:?}");
    }

    #[test]
    fn a_process_ends_when_its_parent_is_gone() {
        let (code, _) = ends(|child| drop(child.stdin.take()));
        assert_eq!(code, Some(i32::from(FAULT)));
    }

    #[test]
    fn a_second_signal_ends_a_process_at_once() {
        let (code, after) = ends(|child| {
            terminate(child);
            // Two signals that are pending at once are one.
            thread::park_timeout(Duration::from_millis(300));
            terminate(child);
        });
        assert_eq!(code, Some(i32::from(FAULT)));
        assert!(after < GRACE, "{after:?}");
    }
}
