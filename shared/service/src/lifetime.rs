//! From start to exit code. A first signal asks the body to finish; a second one ends the process at once.

use std::{fmt, future::Future, io::Write as _, path::PathBuf, process::ExitCode, time::Duration};

use bus::Connection;
use events::topology::Role;
use serde::de::DeserializeOwned;
use tokio::{net::TcpListener, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    Arguments, FAULT, USAGE, config, disk,
    ending::{Ending, GRACE},
    health,
    watchdog::Watchdog,
};

/// How long a service waits for the broker at its start: an embedded broker starts beside it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long blocking work may still run after everything else has ended: it cannot be stopped, and nothing waits for its result.
const BLOCKING: Duration = Duration::from_millis(500);

/// What a service's body is given.
#[derive(Debug, Clone)]
pub struct Context {
    /// The way to the broker, under the service's own identity.
    pub connection: Connection,
    /// Cancelled when the service is to end.
    pub stop: CancellationToken,
    /// Every task of the service belongs here, so that the end can wait for it.
    pub tasks: TaskTracker,
    /// Tell when the service can do its work.
    pub readiness: health::Readiness,
}

/// Why a service ended though nobody asked it to.
#[derive(Debug)]
pub struct Fault(Box<dyn std::error::Error + Send + Sync>);

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Fault {
    fn from(error: E) -> Self {
        Self(Box::new(error))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        telemetry::Chain(self.0.as_ref()).fmt(f)
    }
}

/// A service's whole `main`: reads the command line, then [`run`].
pub fn main<S, B>(role: Role, body: impl FnOnce(S, Context) -> B) -> ExitCode
where
    S: DeserializeOwned,
    B: Future<Output = Result<(), Fault>>,
{
    use clap::{Args as _, FromArgMatches as _};

    let command =
        Arguments::augment_args(clap::Command::new(role.as_str()).version(env!("CARGO_PKG_VERSION")));
    let arguments = match Arguments::from_arg_matches(&command.get_matches()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    run(role, &arguments, body)
}

/// Lives a service's life and returns its exit code: 0 after a signal, 2 for a mistake in the configuration, 3 for a fault.
pub fn run<S, B>(role: Role, arguments: &Arguments, body: impl FnOnce(S, Context) -> B) -> ExitCode
where
    S: DeserializeOwned,
    B: Future<Output = Result<(), Fault>>,
{
    let config = match config::read::<S>(&arguments.config, role.as_str()) {
        Ok(config) => config,
        Err(mistakes) => return complain(&mistakes, USAGE),
    };
    if arguments.check_config {
        return ExitCode::SUCCESS;
    }
    // Two crates below bring a cryptographic provider each; TLS needs one to be chosen. Chosen before is as good.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&error, FAULT),
    };
    let ending = match Ending::watch(arguments.end_with_parent) {
        Ok(ending) => ending,
        Err(error) => return complain(&error, FAULT),
    };
    let code = runtime.block_on(async {
        let telemetry = match telemetry::init(role.as_str(), &config.telemetry) {
            Ok(telemetry) => telemetry,
            Err(error) => return complain(&telemetry::Chain(&error), USAGE),
        };
        match arguments.notify_socket.as_deref().filter(|name| !name.is_empty()).map(Watchdog::new) {
            None => {}
            Some(Ok(watchdog)) => detached(watchdog.run()),
            Some(Err(error)) => warn!(%error, "The supervisor's socket cannot be used: it will not hear that this service is alive."),
        }
        let ended = live(role, config, &ending.stop, body).await;
        let code = match ended {
            Ok(()) => 0,
            Err(fault) => {
                error!(%fault, "The service ends.");
                FAULT
            }
        };
        // From here on only the exit code is owed: the watch over the end holds the rest to its bound.
        let code = ending.ended(code);
        telemetry.flush();
        code
    });
    // Dropped, a runtime waits for blocking work without a bound.
    runtime.shutdown_timeout(BLOCKING);
    code
}

async fn live<S, B>(
    role: Role,
    config: config::Config<S>,
    stop: &CancellationToken,
    body: impl FnOnce(S, Context) -> B,
) -> Result<(), Fault>
where
    B: Future<Output = Result<(), Fault>>,
{
    let tasks = TaskTracker::new();
    let identity = bus::keyring::identity(role, &config.nats.node);
    let connecting = async {
        match role {
            // A node whose gate waits for the broker could neither list nor stop a container: the gate opens its sockets first.
            Role::Gate => Connection::open(&config.nats, &identity).await,
            _ => Connection::connect(&config.nats, &identity, PATIENCE).await,
        }
    };
    let Some(connection) = stop.run_until_cancelled(connecting).await else {
        return Ok(());
    };
    let connection = connection?;
    let readiness = health::Readiness::new(connection.clone());
    if let Some(address) = config.health.listen {
        let listener = TcpListener::bind(address).await?;
        let (readiness, stop) = (readiness.clone(), stop.clone());
        tasks.spawn(async move {
            if let Err(error) = health::serve(listener, readiness, stop).await {
                warn!(%error, "Health is no longer answered.");
            }
        });
    }
    watch_resources(role, &config.health.folders, config.folder, &connection, &tasks, stop);
    info!(role = %role, "Started.");
    let context = Context {
        connection: connection.clone(),
        stop: stop.clone(),
        tasks: tasks.clone(),
        readiness: readiness.clone(),
    };
    let (ended, deadline) = until_stopped(stop, body(config.own, context)).await;
    readiness.is_leaving();
    stop.cancel();
    tasks.close();
    if tokio::time::timeout_at(deadline, tasks.wait()).await.is_err() {
        warn!(left = tasks.len(), "Tasks were still busy at the end of the grace.");
    }
    if tokio::time::timeout_at(deadline, connection.drain()).await.is_err() {
        warn!("The connection was still busy at the end of the grace.");
    }
    ended
}

/// Raises alarms before something is full: the disks on which the service keeps files, and the streams after which its role looks.
fn watch_resources(
    role: Role,
    folders: &[PathBuf],
    own: Option<PathBuf>,
    connection: &Connection,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) {
    let folders: Vec<_> = folders.iter().cloned().chain(own).collect();
    tasks.spawn(disk::watch(folders, connection.conditions().clone(), stop.clone()));
    let (connection, stop) = (connection.clone(), stop.clone());
    tasks.spawn(async move { bus::limits::watch(&connection, role, &stop).await });
}

/// Runs the body to its end, which comes within the grace after a stop; yields when everything else must have ended too.
async fn until_stopped(
    stop: &CancellationToken,
    body: impl Future<Output = Result<(), Fault>>,
) -> (Result<(), Fault>, Instant) {
    let mut body = std::pin::pin!(body);
    tokio::select! {
        biased;
        ended = &mut body => return (ended, Instant::now() + GRACE),
        () = stop.cancelled() => {}
    }
    let deadline = Instant::now() + GRACE;
    let ended = tokio::time::timeout_at(deadline, body).await.unwrap_or_else(|_| {
        warn!("The service was still busy at the end of the grace.");
        Ok(())
    });
    (ended, deadline)
}

#[expect(clippy::disallowed_methods, reason = "this watches over the process, and ends with it")]
fn detached(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

/// Nothing logs yet when the configuration is read; and where standard error is full or closed, the exit code still says it.
fn complain(error: &dyn fmt::Display, code: u8) -> ExitCode {
    writeln!(std::io::stderr(), "{error}").ok();
    ExitCode::from(code)
}
