//! A broker of the test's own, with one operator's account beside another's.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use bus::{
    Connection,
    accounts::render,
    bootstrap,
    keyring::{Keyring, identity, operator_identity, provision_identity},
    server::{Options, Server},
};
use events::topology::{Role, StreamName};
use verdict::Operator;

pub(crate) struct Broker {
    pub(crate) server: Server,
    pub(crate) keys: Keyring,
    folder: tempfile::TempDir,
}

pub(crate) type Refusals = Arc<Mutex<BTreeSet<String>>>;

pub(crate) const NODE: &str = "node-1";

impl Broker {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::new(folder.path().join("keys"));
        let operators: Vec<Operator> = vec!["alice".parse().unwrap(), "bob".parse().unwrap()];
        let accounts = render(&keys.identities(NODE, &operators).unwrap());
        let options =
            Options { program: program(), folder: folder.path().join("nats"), port: None, accounts };
        let server = Server::start(options).await.unwrap();
        let broker = Self { server, keys, folder };
        broker.bootstrap().await;
        broker
    }

    /// Makes streams and consumers what the topology says.
    pub(crate) async fn bootstrap(&self) {
        let provision = async |account| Ok(self.connect(&provision_identity(account)).await);
        bootstrap::reconcile(provision, 1).await.unwrap();
    }

    /// Takes everything from the broker that it stored, and makes its streams anew.
    pub(crate) async fn lose_everything(&mut self) {
        let process = self.server.id().unwrap();
        let killed = std::process::Command::new("kill").args(["-9", &process.to_string()]).status().unwrap();
        assert!(killed.success());
        self.server.ended().await.unwrap();
        std::fs::remove_dir_all(self.folder.path().join("nats/jetstream")).unwrap();
        self.server.restart().await.unwrap();
        self.bootstrap().await;
    }

    pub(crate) async fn connect(&self, identity: &str) -> Connection {
        self.connect_as(identity, identity).await
    }

    /// With the key of `identity`, under a name that also names the inbox.
    pub(crate) async fn connect_as(&self, identity: &str, name: &str) -> Connection {
        let config = bus::Config {
            url: self.server.url().to_owned(),
            seed_file: Some(self.keys.seed_file(identity)),
            node: NODE.to_owned(),
        };
        Connection::connect(&config, name, Duration::from_secs(5)).await.unwrap()
    }

    pub(crate) async fn role(&self, role: Role) -> Connection {
        self.connect(&identity(role, NODE)).await
    }

    /// A client that is not ours in anything but its key.
    pub(crate) async fn raw(&self, identity: &str) -> async_nats::Client {
        self.raw_with_refusals(identity).await.0
    }

    /// Such a client, and the subjects on which the broker refused it to publish.
    pub(crate) async fn raw_with_refusals(&self, identity: &str) -> (async_nats::Client, Refusals) {
        let seed = std::fs::read_to_string(self.keys.seed_file(identity)).unwrap();
        let refusals = Refusals::default();
        let refused = Arc::clone(&refusals);
        let client = async_nats::ConnectOptions::with_nkey(seed)
            .custom_inbox_prefix(format!("_INBOX_{}", identity.trim_start_matches("operator-")))
            .event_callback(move |event| {
                let said = event.to_string();
                if let Some((_, subject)) = said.split_once("Permissions Violation for Publish to \"") {
                    refused.lock().unwrap().insert(subject.trim_end_matches(['"', '\'']).to_owned());
                }
                std::future::ready(())
            })
            .connect(self.server.url())
            .await
            .unwrap();
        (client, refusals)
    }

    pub(crate) async fn operator(&self, name: &str) -> async_nats::Client {
        self.raw(&operator_identity(&name.parse().unwrap())).await
    }

    /// How many messages were ever stored in a stream, as its home counts them.
    pub(crate) async fn stored(&self, stream: StreamName) -> u64 {
        let client = self.raw(&provision_identity(stream.spec().home)).await;
        let mut stream = async_nats::jetstream::new(client).get_stream(stream.as_str()).await.unwrap();
        stream.info().await.unwrap().state.last_sequence
    }
}

fn program() -> PathBuf {
    // The set-up step puts the broker of the wanted version on PATH.
    PathBuf::from("nats-server")
}

/// Polls until `condition` holds; fails the test after thirty seconds: a mirror that missed its origin asks again only after ten.
pub(crate) async fn eventually<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while !condition().await {
        assert!(ticks.tick().await < deadline, "never: {what}");
    }
}

/// Polls for a while and fails the test at the first moment at which `condition` does not hold.
pub(crate) async fn throughout<F: AsyncFnMut() -> bool>(what: &str, mut condition: F) {
    let deadline = tokio::time::Instant::now() + Duration::from_millis(200);
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while ticks.tick().await < deadline {
        assert!(condition().await, "no longer: {what}");
    }
}
