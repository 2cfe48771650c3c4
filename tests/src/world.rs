//! The parts, started and connected: registry and git host report to the watcher, Docker asks the gate, people order by a foreign client.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use artifact::ImageRef;
use testkit::{
    command::{Finished, run},
    docker::{AuthorizationPlugin, Dockerd, Options, Place},
    foreign::{ForeignClient, Outcome},
    git::{GitHost, Webhook},
    process::{Process, free_port},
    registry::{DockerRegistry, Notify},
    wait::eventually,
};

use crate::{facts::Facts, notices::Notices};

/// How long a debug build on a busy machine may take for one step.
pub const STEP: Duration = Duration::from_secs(60);

const REGISTRY_SECRET: &str = "registry-webhook-secret";
const GIT_SECRET: &str = "git-webhook-secret";
/// The person who gives the orders.
pub const OPERATOR: &str = "alice";
/// Another person.
pub const OTHER: &str = "bob";

/// What a world may have beyond the usual.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Where spans go.
    pub otlp_endpoint: Option<String>,
}

/// A running pipeline and all that is around it; gone when dropped.
pub struct World {
    /// The daemon; asks the gate before everything.
    pub docker: Dockerd,
    /// The pipeline: `plimsoll up`.
    pub up: Process,
    /// The registry.
    pub registry: DockerRegistry,
    /// The git host.
    pub git: GitHost,
    /// Where the teams' notices arrive.
    pub notices: Notices,
    /// What was said on the bus, as an operator hears it.
    pub facts: Facts,
    /// Our own client for the registry.
    pub client: registry::Client,
    folder: tempfile::TempDir,
    broker: String,
}

impl World {
    /// Starts everything and waits until the gate answers.
    pub async fn start(wishes: Wishes) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plimsoll-world-").tempdir()?;
        let (port, webhooks) = (free_port()?, free_port()?);
        let hooks = format!("http://127.0.0.1:{webhooks}/webhooks");
        let notify =
            Notify { url: format!("{hooks}/registry"), authorization: format!("Bearer {REGISTRY_SECRET}") };
        let registry = DockerRegistry::start(Some(notify)).await?;
        let git =
            GitHost::start(Some(Webhook { url: format!("{hooks}/git"), secret: GIT_SECRET.to_owned() }))
                .await?;
        let notices = Notices::start().await?;
        let place = Place::make()?;
        let plugin = folder.path().join("plugin.sock");
        let config = folder.path().join("up.toml");
        fs::write(
            &config,
            configuration(&wishes, port, webhooks, registry.host(), &plugin, &place.socket()),
        )?;
        let mut command = plimsoll();
        command.args(["up", "--data"]).arg(folder.path().join("data")).arg("--config").arg(&config);
        let mut up = Process::start("plimsoll up", command)?;
        let socket = plugin.clone();
        up.ready(STEP, async || tokio::net::UnixStream::connect(&socket).await).await?;
        let authorization_plugin = Some(AuthorizationPlugin { name: "plimsoll".to_owned(), socket: plugin });
        let docker = Dockerd::start_at(place, Options { authorization_plugin, ..Options::default() }).await?;
        let broker = format!("nats://127.0.0.1:{port}");
        let facts =
            Facts::listen(&broker, &folder.path().join("data/keys/operator-alice.nk"), OPERATOR).await?;
        let client =
            registry::Client::new(registry::Config::default()).context("making a registry client")?;
        let world = Self { docker, up, registry, git, notices, facts, client, folder, broker };
        world.is_up().await?;
        Ok(world)
    }

    /// Waits until every role that answers questions does.
    pub async fn is_up(&self) -> Result<()> {
        eventually("the pipeline to answer", STEP, async || {
            self.plimsoll(&["status"]).await.and_then(Finished::success)
        })
        .await?;
        Ok(())
    }

    /// Ends everything in order, and waits until it is gone; dropping a world kills it instead.
    pub async fn stop(mut self) -> Result<()> {
        self.up.terminate(STEP).await?;
        self.docker.stop()
    }

    /// The data folder of the pipeline.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The broker's address.
    pub fn broker(&self) -> &str {
        &self.broker
    }

    /// An image in the registry.
    pub fn image(&self, name: &str) -> Result<ImageRef> {
        self.registry.image(name)
    }

    /// Runs the command line as the operator on this node.
    pub async fn plimsoll(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = tokio::process::Command::from(plimsoll());
        command.args(arguments);
        command.env("PLIMSOLL_CONTEXT", self.data().join("contexts/alice.json"));
        command.env("PLIMSOLL_GATE", self.data().join("gate.sock"));
        run(command, STEP).await
    }

    /// A person with a client that shares nothing with us.
    pub fn person(&self, name: &str) -> ForeignClient {
        ForeignClient::new(self.broker.clone(), self.data().join(format!("keys/operator-{name}.nk")))
    }

    /// Publishes an order as the operator; returns its sequence.
    pub async fn order(&self, kind: &str, body: &str) -> Result<u64> {
        match self.person(OPERATOR).publish(&format!("{kind}.{OPERATOR}"), body.as_bytes()).await? {
            Outcome::Stored { sequence, .. } => Ok(sequence),
            other => bail!("the order on {kind} was not stored: {other:?}"),
        }
    }

    /// Publishes an order and waits until it is accepted.
    pub async fn order_accepted(&self, kind: &str, body: &str) -> Result<u64> {
        let sequence = self.order(kind, body).await?;
        self.facts.accepted(sequence).await?;
        Ok(sequence)
    }

    /// Runs Docker's own client; fails when it fails.
    pub async fn docker(&self, arguments: &[&str]) -> Result<String> {
        self.docker.docker(arguments).await?.success()
    }
}

/// The program under test, beside the program that runs.
pub fn plimsoll() -> Command {
    Command::new(program("plimsoll"))
}

/// A program of the same build.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap_or_default();
    let near = |folder: Option<&Path>| folder.map(|folder| folder.join(name)).filter(|path| path.exists());
    // Tests run one folder deeper than programs.
    near(own.parent())
        .or_else(|| near(own.parent().and_then(Path::parent)))
        .unwrap_or_else(|| PathBuf::from(name))
}

fn configuration(
    wishes: &Wishes,
    port: u16,
    webhooks: u16,
    registry: &str,
    plugin: &Path,
    docker: &Path,
) -> String {
    let (plugin, docker) = (plugin.display(), docker.display());
    let nats_server = testkit::tools::nats_server();
    let nats_server = nats_server.display();
    let otlp = wishes
        .otlp_endpoint
        .as_ref()
        .map(|endpoint| format!("otlp_endpoint = \"{endpoint}\"\n"))
        .unwrap_or_default();
    format!(
        "[up]\nport = {port}\nnats_server = \"{nats_server}\"\noperators = [\"{OPERATOR}\", \"{OTHER}\"]\n\n\
         [telemetry]\nlog = \"info\"\n{otlp}\n\
         [watcher]\nlisten = \"127.0.0.1:{webhooks}\"\n\
         [watcher.sources.registry]\nkind = \"distribution\"\nsecret = \"{REGISTRY_SECRET}\"\nregistry = \"{registry}\"\n\
         [watcher.sources.git]\nkind = \"gitea\"\nsecret = \"{GIT_SECRET}\"\n\
         [watcher.source]\nschemes = [\"git\"]\n\n\
         [worker.source]\nschemes = [\"git\"]\n\n\
         [notifier.source]\nschemes = [\"git\"]\n\n\
         [gate]\nplugin_socket = \"{plugin}\"\nruntime = {{ socket = \"{docker}\" }}\n\n\
         [agent]\nruntime = {{ socket = \"{docker}\" }}\n"
    )
}
