//! From start to exit code. A first signal asks the body to finish; a second one ends the process at once.

use std::{fmt, future::Future, process::ExitCode, time::Duration};

use bus::Connection;
use events::topology::Role;
use serde::de::DeserializeOwned;
use tokio::{
    io::AsyncReadExt as _,
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info, warn};

use crate::{Arguments, FAULT, USAGE, config, health};

/// How long a service waits for the broker at its start: an embedded broker starts beside it.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long tasks may finish after a stop. Builds take longer, and are given back to the queue.
const GRACE: Duration = Duration::from_secs(10);

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
    runtime.block_on(async {
        let telemetry = match telemetry::init(role.as_str(), &config.telemetry) {
            Ok(telemetry) => telemetry,
            Err(error) => return complain(&telemetry::Chain(&error), USAGE),
        };
        let ended = live(role, config, arguments.end_with_parent, body).await;
        telemetry.flush();
        match ended {
            Ok(()) => ExitCode::SUCCESS,
            Err(fault) => {
                error!(%fault, "The service ends.");
                ExitCode::from(FAULT)
            }
        }
    })
}

async fn live<S, B>(
    role: Role,
    config: config::Config<S>,
    end_with_parent: bool,
    body: impl FnOnce(S, Context) -> B,
) -> Result<(), Fault>
where
    B: Future<Output = Result<(), Fault>>,
{
    let stop = CancellationToken::new();
    let tasks = TaskTracker::new();
    watch_signals(&stop)?;
    if end_with_parent {
        watch_parent(&stop);
    }
    let identity = bus::keyring::identity(role, &config.nats.node);
    let Some(connection) =
        stop.run_until_cancelled(Connection::connect(&config.nats, &identity, PATIENCE)).await
    else {
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
    info!(role = %role, "Started.");
    let context = Context {
        connection: connection.clone(),
        stop: stop.clone(),
        tasks: tasks.clone(),
        readiness: readiness.clone(),
    };
    let ended = body(config.own, context).await;
    readiness.is_leaving();
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(GRACE, tasks.wait()).await.is_err() {
        warn!(left = tasks.len(), "Tasks were still busy at the end of the grace.");
    }
    connection.drain().await;
    ended
}

fn watch_signals(stop: &CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = stop.clone();
    detached(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        debug!("Asked to end.");
        stop.cancel();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(i32::from(FAULT));
    });
    Ok(())
}

fn watch_parent(stop: &CancellationToken) {
    let stop = stop.clone();
    detached(async move {
        let mut byte = [0];
        // Nobody writes: the read ends when the other end is closed, by will or by death.
        while tokio::io::stdin().read(&mut byte).await.is_ok_and(|count| count > 0) {}
        stop.cancel();
        // Nobody is left to send a second signal.
        tokio::time::sleep(GRACE * 2).await;
        std::process::exit(i32::from(FAULT));
    });
}

#[expect(clippy::disallowed_methods, reason = "these watch over the end itself, and end with the process")]
fn detached(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

#[expect(clippy::print_stderr, reason = "nothing logs yet when the configuration is read")]
fn complain(error: &dyn fmt::Display, code: u8) -> ExitCode {
    eprintln!("{error}");
    ExitCode::from(code)
}
