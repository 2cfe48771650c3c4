//! A broker that nobody's supervisor started, and roles as processes of their own on it: what an operator does who has a NATS already.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use artifact::ImageRef;
use events::topology::Role;
use serde_json::{Value, json};
use testkit::{
    command::{Finished, run},
    foreign::{ForeignClient, Outcome},
    process::{Process, free_port},
    registry::Notify,
};
use tokio::net::TcpStream;

use crate::{
    facts::Facts,
    wire::Wire,
    world::{OPERATOR, STEP, plimsoll, program},
};

/// The broker with its keys; gone when dropped.
pub struct Broker {
    /// The `nats-server`.
    pub process: Process,
    url: String,
    folder: tempfile::TempDir,
}

impl Broker {
    /// Starts a `nats-server` with the accounts that `plimsoll broker-config` prints for `nodes`, and makes the streams.
    pub async fn start(nodes: &[&str]) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plimsoll-apart-").tempdir()?;
        let keys = folder.path().join("keys");
        let mut command = command(plimsoll());
        command.args(["broker-config", "--operator", OPERATOR, "--keys"]).arg(&keys);
        command.args(nodes.iter().flat_map(|node| ["--node", node]));
        let accounts = run(command, STEP).await?.success().context("asking for the accounts")?;
        let port = free_port()?;
        fs::write(folder.path().join("accounts.conf"), accounts)?;
        let config = folder.path().join("nats.conf");
        let store = folder.path().join("store");
        // JetStream that writes before it answers, and the accounts. Streams reserve their limits; left alone, the server offers them
        // three quarters of what is free on the disk.
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\njetstream {{ store_dir: \"{}\", sync_interval: always, strict: true, max_file_store: 256GB }}\ninclude \"accounts.conf\"\n",
            store.display()
        );
        fs::write(&config, text)?;
        let mut server = Command::new(testkit::tools::nats_server());
        server.arg("-c").arg(&config);
        let mut process = Process::start("nats-server", server)?;
        process.ready(STEP, async || TcpStream::connect(("127.0.0.1", port)).await).await?;
        let broker = Self { process, url: format!("nats://127.0.0.1:{port}"), folder };
        broker.bootstrap().await?;
        Ok(broker)
    }

    async fn bootstrap(&self) -> Result<()> {
        let mut command = command(plimsoll());
        command.args(["bootstrap", "--replicas", "1", "--url", &self.url, "--keys"]).arg(self.keys());
        run(command, STEP).await?.success().context("making the streams")?;
        Ok(())
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of seeds.
    pub fn keys(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    /// Where the roles have their files; gone with the broker.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The seed of an identity.
    pub fn seed(&self, identity: &str) -> PathBuf {
        self.keys().join(format!("{identity}.nk"))
    }

    /// The socket of a node's gate.
    pub fn gate(&self, node: &str) -> PathBuf {
        self.folder.path().join(format!("gate-{node}.sock"))
    }

    /// Starts a role's own binary with a file of its own: where the broker is, and `sections`.
    pub fn start_role(&self, role: Role, node: &str, sections: &str) -> Result<Process> {
        let file = self.folder.path().join(format!("{role}-{node}.toml"));
        let seed = self.seed(&bus::keyring::identity(role, node));
        let nats = format!("[nats]\nurl = \"{}\"\nseed_file = \"{}\"\n", self.url, seed.display());
        fs::write(&file, format!("{nats}node = \"{node}\"\n\n{sections}"))?;
        let mut command = Command::new(program(role.as_str()));
        command.arg("--config").arg(&file);
        Process::start(format!("{role} of {node}"), command).with_context(|| {
            format!("the binaries are made by `cargo build --workspace --bins`; {role} is missing")
        })
    }

    /// Listens as the operator.
    pub async fn listen(&self) -> Result<Facts> {
        Facts::listen(&self.url, &self.seed(&format!("operator-{OPERATOR}")), OPERATOR).await
    }

    /// The operator's bare connection.
    pub async fn wire(&self) -> Result<Wire> {
        Wire::connect(&self.url, &self.seed(&format!("operator-{OPERATOR}"))).await
    }

    /// Publishes an order by a client that is not ours, and waits until it is accepted.
    pub async fn order(&self, facts: &Facts, kind: &str, body: &Value) -> Result<u64> {
        let client = ForeignClient::new(&self.url, self.seed(&format!("operator-{OPERATOR}")));
        let said = client.publish(&format!("{kind}.{OPERATOR}"), body.to_string().as_bytes()).await?;
        let Outcome::Stored { sequence, .. } = said else {
            bail!("the order on {kind} was not stored: {said:?}")
        };
        facts.accepted(sequence).await?;
        Ok(sequence)
    }

    /// `plimsoll` as the operator types it, in the broker's folder.
    pub async fn plimsoll(&self, arguments: &[&str]) -> Result<Finished> {
        let context = self.folder.path().join("context.json");
        let nkey = self.seed(&format!("operator-{OPERATOR}"));
        let text = json!({"description": "", "url": self.url, "nkey": nkey, "operator": OPERATOR});
        // Renamed into place: another command may be reading it.
        let written = tempfile::NamedTempFile::new_in(self.folder.path())?;
        fs::write(written.path(), text.to_string())?;
        written.persist(&context)?;
        let mut command = command(plimsoll());
        command.args(arguments).arg("--context").arg(&context).current_dir(self.folder.path());
        run(command, STEP).await
    }

    /// `plimsoll check` at a node's gate.
    pub async fn check(&self, node: &str, image: &ImageRef) -> Result<Finished> {
        let mut command = command(plimsoll());
        command.args(["check", &image.to_string(), "--gate"]).arg(self.gate(node));
        run(command, STEP).await
    }
}

/// The catalog's one base, as an order.
pub fn bases(repository: &str, current: &str, allowed: &[&str]) -> Value {
    json!({"section": "bases", "bases": [{"repository": repository, "current": current, "allowed": allowed}]})
}

/// Every door enforces, as an order.
pub fn enforcing() -> Value {
    let mode = "enforce";
    json!({"section": "doors", "doors": {
        "from": mode, "push": mode, "pull": mode, "create": mode, "start": mode, "check": mode,
    }})
}

/// Where a registry reports to a watcher on `port`.
pub fn notify(port: u16, secret: &str) -> Notify {
    Notify {
        url: format!("http://127.0.0.1:{port}/webhooks/registry"),
        authorization: format!("Bearer {secret}"),
    }
}

/// The watcher's section for that registry.
pub fn watcher(port: u16, registry: &str, secret: &str) -> String {
    format!(
        "[watcher]\nlisten = \"127.0.0.1:{port}\"\n\
         [watcher.sources.registry]\nkind = \"distribution\"\nsecret = \"{secret}\"\nregistry = \"{registry}\"\n"
    )
}

fn command(command: Command) -> tokio::process::Command {
    tokio::process::Command::from(command)
}
