//! Keeps processes running: one that ends, or does not respond, is started again, ever more slowly while it keeps ending. A dead
//! supervisor takes all along.

use std::{
    fs::OpenOptions,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use tokio::{
    process::{Child, Command},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    broker::{self, Broker},
    liveness::Proofs,
    plan::Prepared,
    restarts::Restarts,
};
use crate::exit::Failure;

/// How long a process may take to end when it is asked.
const GRACE: Duration = Duration::from_secs(15);

/// Supervises every role and the broker until `stop`; the broker ends last.
pub(super) async fn all(
    roles: Vec<Prepared>,
    broker: Option<Broker>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    // Asked once: later the file may have been replaced, and then the kernel no longer knows its name.
    let program = std::env::current_exe()
        .map_err(|error| Failure::Fault(format!("the path of this program is unknown: {error}")))?;
    let mut supervised = JoinSet::new();
    for prepared in roles {
        supervised.spawn(role(program.clone(), prepared, stop.clone()));
    }
    let last = CancellationToken::new();
    let broker = broker.map(|broker| broker::watch(broker, last.clone()));
    let roles = async {
        let mut outcome = Ok(());
        while let Some(ended) = supervised.join_next().await {
            if let Ok(Err(failure)) = ended {
                stop.cancel();
                outcome = Err(failure);
            }
        }
        last.cancel();
        outcome
    };
    match broker {
        Some(broker) => tokio::join!(roles, broker).0,
        None => roles.await,
    }
}

async fn role(program: PathBuf, prepared: Prepared, stop: CancellationToken) -> Result<(), Failure> {
    let mut restarts = Restarts::default();
    loop {
        let started = Instant::now();
        let why = match spawn(&program, &prepared) {
            // Out of memory, out of processes: it may pass.
            Err(error) => format!("{} cannot be started: {error}", prepared.role),
            Ok(running) => match watch(&prepared, running, &stop).await? {
                Some(why) => why,
                None => return Ok(()),
            },
        };
        let (attempt, pause) = restarts.next(started.elapsed());
        warn!(
            role = %prepared.role, log = %prepared.log.display(), attempt,
            "{why}; it is started again in {} ms, attempt {attempt}.", pause.as_millis()
        );
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Ok(());
        }
    }
}

struct Running {
    child: Child,
    proofs: Proofs,
}

/// Watches a process until it has ended, by itself or killed because it was silent; yields why, or nothing at `stop`.
async fn watch(
    prepared: &Prepared,
    Running { mut child, proofs }: Running,
    stop: &CancellationToken,
) -> Result<Option<String>, Failure> {
    let role = prepared.role;
    // Held open: the role ends when it is closed, also when we die.
    let lifeline = child.stdin.take();
    info!(%role, process = child.id(), "A role was started.");
    let status = tokio::select! {
        biased;
        () = stop.cancelled() => {
            drop(lifeline);
            end(prepared, child).await?;
            return Ok(None);
        }
        status = child.wait() => status,
        silent = proofs.silence() => {
            // SIGKILL, which also ends a process that is stopped.
            let killed = child.kill().await;
            let outcome = killed.map_or_else(|error| format!("cannot be killed: {error}"), |()| "was killed".to_owned());
            return Ok(Some(format!("{role} did not respond for {} s and {outcome}", silent.as_secs())));
        }
    };
    let usage =
        status.as_ref().ok().and_then(ExitStatus::code).filter(|code| *code == i32::from(service::USAGE));
    if let Some(code) = usage {
        // A mistake in the configuration does not mend itself.
        return Err(Failure::Usage(format!(
            "{role} ended with {code}: its configuration cannot be used; see {}",
            prepared.log.display()
        )));
    }
    Ok(Some(match status {
        Ok(status) => format!("{role} ended with {status}"),
        Err(error) => format!("{role} cannot be waited for: {error}"),
    }))
}

fn spawn(program: &Path, prepared: &Prepared) -> io::Result<Running> {
    let log = OpenOptions::new().create(true).append(true).open(&prepared.log)?;
    let proofs = Proofs::listen(prepared.role)?;
    let child = Command::new(program)
        .arg("role")
        .arg(prepared.role.as_str())
        .arg("--config")
        .arg(&prepared.config)
        .arg("--end-with-parent")
        .arg("--notify-socket")
        .arg(proofs.socket())
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C is for the supervisor, who ends the roles in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()?;
    Ok(Running { child, proofs })
}

async fn end(prepared: &Prepared, mut child: Child) -> Result<(), Failure> {
    if tokio::time::timeout(GRACE, child.wait()).await.is_err() {
        warn!(role = %prepared.role, "A role did not end in time and is killed.");
        child
            .kill()
            .await
            .map_err(|error| Failure::Fault(format!("{} cannot be ended: {error}", prepared.role)))?;
    }
    Ok(())
}
