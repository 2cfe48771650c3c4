//! Keeps processes running: one that ends is started again, ever more slowly while it keeps ending. A dead supervisor takes all along.

use std::{
    fs::OpenOptions,
    io,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use bus::server::Server;
use tokio::{
    process::{Child, Command},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::plan::Prepared;
use crate::exit::Failure;

/// Between an end and the next start: at first, and at most.
const PAUSE: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// A process that lived this long begins with the first pause again.
const STABLE: Duration = Duration::from_secs(20);
/// How long a process may take to end when it is asked.
const GRACE: Duration = Duration::from_secs(15);

/// Supervises every role and the broker until `stop`; the broker ends last.
pub(super) async fn all(
    roles: Vec<Prepared>,
    broker: Option<Server>,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let mut supervised = JoinSet::new();
    for prepared in roles {
        supervised.spawn(role(prepared, stop.clone()));
    }
    let last = CancellationToken::new();
    let broker = broker.map(|server| watch_broker(server, last.clone()));
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

async fn role(prepared: Prepared, stop: CancellationToken) -> Result<(), Failure> {
    let mut pause = PAUSE.0;
    loop {
        let started = Instant::now();
        let mut child = spawn(&prepared)
            .map_err(|error| Failure::Fault(format!("{} cannot be started: {error}", prepared.role)))?;
        // Held open: the role ends when it is closed, also when we die.
        let lifeline = child.stdin.take();
        info!(role = %prepared.role, process = child.id(), "Started.");
        let status = tokio::select! {
            biased;
            () = stop.cancelled() => {
                drop(lifeline);
                return end(&prepared, child).await;
            }
            status = child.wait() => status,
        };
        if let Some(code) =
            status.as_ref().ok().and_then(ExitStatus::code).filter(|code| *code == i32::from(service::USAGE))
        {
            // A mistake in the configuration does not mend itself.
            return Err(Failure::Usage(format!(
                "{} ended with {code}: its configuration cannot be used; see {}",
                prepared.role,
                prepared.log.display()
            )));
        }
        warn!(role = %prepared.role, ?status, log = %prepared.log.display(), "A role ended and is started again.");
        pause = if started.elapsed() > STABLE { PAUSE.0 } else { (pause * 2).min(PAUSE.1) };
        if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
            return Ok(());
        }
    }
}

fn spawn(prepared: &Prepared) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(&prepared.log)?;
    Command::new(std::env::current_exe()?)
        .arg("role")
        .arg(prepared.role.as_str())
        .arg("--config")
        .arg(&prepared.config)
        .arg("--end-with-parent")
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        // Ctrl-C is for the supervisor, who ends the roles in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
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

async fn watch_broker(mut server: Server, stop: CancellationToken) {
    loop {
        let status = tokio::select! {
            biased;
            () = stop.cancelled() => {
                server.stop().await;
                return;
            }
            status = server.ended() => status,
        };
        warn!(?status, "The broker ended and is started again.");
        let mut pause = PAUSE.0;
        while let Err(failure) = server.restart().await {
            error!(error = %telemetry::Chain(&failure), "The broker cannot be started.");
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                return;
            }
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}
