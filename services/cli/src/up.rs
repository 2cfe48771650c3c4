//! The embedded pipeline: keys, a broker, its streams, and one supervised process a role.

mod broker;
mod layout;
mod liveness;
mod plan;
mod preflight;
mod restarts;
mod supervise;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use bus::{
    Connection,
    accounts::{Identities, render},
    bootstrap::reconcile,
    keyring::{self, Keyring, provision_identity},
    server::{Options, Server},
};
use events::topology::Role;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use verdict::{Operator, order::Name};

use self::{broker::Broker, layout::Layout, plan::Plan};
use crate::{
    context::Context,
    exit::{self, Failure, remark},
};

/// How long an existing broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Where keys, broker and projections live.
    #[arg(long, default_value = "plimsoll-data", value_name = "FOLDER")]
    data: PathBuf,
    /// A TOML file with a section for each role that is not to have its defaults, and [up].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BootstrapArguments {
    /// The broker.
    #[arg(long, env = "NATS_URL")]
    url: String,
    /// The folder of keys that `broker-config` made.
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
    /// Copies of each stream: 3 on a cluster, 1 on a single server.
    #[arg(long, default_value_t = 3)]
    replicas: usize,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BrokerConfigArguments {
    /// The folder of keys; made where it is missing.
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
    /// The people who give orders.
    #[arg(long = "operator", required = true)]
    operators: Vec<String>,
    /// The nodes, each with a gate and an agent.
    #[arg(long = "node", default_value = "node-1")]
    nodes: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    exit::run(async {
        let layout = Layout::make(&arguments.data)?;
        let _held = layout.lock()?;
        let plan = Plan::read(arguments.config.as_deref())?;
        let telemetry = telemetry::init("up", &plan.telemetry)
            .map_err(|error| Failure::usage(telemetry::Chain(&error)))?;
        let file = arguments.config.as_ref().map(|file| file.display().to_string());
        let ended = compose(&layout, &plan, file.as_deref().unwrap_or("the defaults")).await;
        telemetry.flush();
        ended
    })
}

pub(crate) fn bootstrap(arguments: &BootstrapArguments) -> ExitCode {
    exit::run(bootstrap_all(&arguments.url, &Keyring::new(arguments.keys.clone()), arguments.replicas))
}

pub(crate) fn broker_config(arguments: &BrokerConfigArguments) -> ExitCode {
    exit::end((|| {
        let operators: Vec<Operator> = arguments
            .operators
            .iter()
            .map(|name| name.parse())
            .collect::<Result<_, _>>()
            .map_err(Failure::usage)?;
        // It stands in subjects and permissions.
        let nodes: Vec<Name> = arguments
            .nodes
            .iter()
            .map(|node| node.parse().map_err(|error| Failure::Usage(format!("--node: {error}"))))
            .collect::<Result<_, _>>()?;
        let keys = Keyring::new(arguments.keys.clone());
        let identities =
            broker_identities(&keys, &nodes, &operators).map_err(|error| Failure::fault(&error))?;
        exit::say_all(render(&identities));
        Ok(())
    })())
}

fn broker_identities(
    keys: &Keyring,
    nodes: &[Name],
    operators: &[Operator],
) -> Result<Identities, keyring::Error> {
    let (first, more) = nodes.split_first().map_or(("", &[][..]), |(first, more)| (first.as_str(), more));
    let mut identities = keys.identities(first, operators)?;
    for node in more {
        identities.nodes.extend(keys.node_identities(node.as_str())?);
    }
    Ok(identities)
}

async fn compose(layout: &Layout, plan: &Plan, file: &str) -> Result<(), Failure> {
    let keys = Keyring::new(layout.keys());
    let url = plan.up.nats.clone().unwrap_or_else(|| bus::server::url(plan.up.port));
    let roles = plan.roles(layout, &keys, &url)?;
    preflight::check(&roles, file, &plan.mistakes)?;
    let identities =
        keys.identities(&plan.up.node, &plan.up.operators).map_err(|error| Failure::fault(&error))?;
    let mut broker = None;
    if plan.up.nats.is_none() {
        let options = Options {
            program: plan.up.nats_server.clone(),
            folder: layout.broker(),
            port: Some(plan.up.port),
            accounts: render(&identities),
        };
        let started = Server::start(options).await.map_err(|error| match error {
            error @ bus::server::Error::Port(..) => Failure::Fault(format!(
                "[up] port: {}; write another `port`, or `nats` with the broker's address",
                telemetry::Chain(&error)
            )),
            error => Failure::fault(&error),
        });
        let seed_file = Some(keys.seed_file(bus::keyring::SYSTEM_IDENTITY));
        broker = Some(Broker {
            server: started?,
            system: bus::Config { url: url.clone(), seed_file, node: String::new() },
            folder: layout.broker(),
        });
    }
    bootstrap_all(&url, &keys, plan.up.replicas).await?;
    for operator in &plan.up.operators {
        let context = Context {
            description: format!("Plimsoll orders of {operator}"),
            url: url.clone(),
            nkey: absolute(&keys.seed_file(&bus::keyring::operator_identity(operator))),
            operator: operator.to_string(),
            roles: plan.up.roles.iter().map(Role::to_string).collect(),
        };
        write_context(layout, operator, &context, plan.up.operators.first() == Some(operator))?;
    }
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| Failure::fault(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| Failure::fault(&error))?;
    let stop = tokio_util::sync::CancellationToken::new();
    let mut asked = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    remark(format_args!("Plimsoll is up in {} (broker {url}); Ctrl-C ends it.", layout.folder().display()));
    info!(%url, "Up.");
    let conditions = bus::Conditions::default();
    // Said here too: the disk is full for everybody, and the roles may not live to say it.
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(service::disk::watch(vec![layout.folder().to_owned()], conditions, stop.clone()));
    let supervised = supervise::all(roles, broker, stop.clone());
    let mut supervised = std::pin::pin!(supervised);
    tokio::select! {
        () = asked() => stop.cancel(),
        ended = &mut supervised => return ended,
    }
    tokio::select! {
        biased;
        ended = &mut supervised => ended,
        () = asked() => Err(Failure::Fault("ended at the second signal; every process was killed".to_owned())),
    }
}

async fn bootstrap_all(url: &str, keys: &Keyring, replicas: usize) -> Result<(), Failure> {
    let connect = async |account| {
        let identity = provision_identity(account);
        let config = bus::Config {
            url: url.to_owned(),
            seed_file: Some(keys.seed_file(&identity)),
            node: String::new(),
        };
        Connection::connect(&config, &identity, PATIENCE).await
    };
    reconcile(connect, replicas).await.map_err(|error| Failure::fault(&error))
}

fn write_context(
    layout: &Layout,
    operator: &Operator,
    context: &Context,
    first: bool,
) -> Result<(), Failure> {
    let written = context.write(&layout.context(operator.as_str()));
    // The first operator's is what the command line takes when it is told nothing.
    let written =
        if first { written.and_then(|()| context.write(&layout.context("operator"))) } else { written };
    written.map_err(|error| Failure::Fault(format!("the operators' contexts cannot be written: {error}")))
}

fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
