//! A broker of the test's own with all accounts, and the people and services that speak on it. Not the gate.

use std::time::Duration;

use bus::{
    Connection, Feed, Heard,
    accounts::render,
    bootstrap,
    keyring::{Keyring, operator_identity, provision_identity},
    order::Given,
    server::{Options, Server},
};
use events::{
    Event as _,
    fact::ContainerRefused,
    heartbeat::HeartbeatIssued,
    topology::{Role, StreamName},
};
use time::OffsetDateTime;
use tokio::task::JoinSet;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verdict::{Operator, Sequence};

pub(crate) const NODE: &str = "node-1";

pub(crate) struct Broker {
    pub(crate) server: Server,
    pub(crate) keys: Keyring,
    pub(crate) operator: Connection,
    pub(crate) invalidator: Connection,
    _folder: tempfile::TempDir,
}

impl Broker {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::new(folder.path().join("keys"));
        let alice: Operator = "alice".parse().unwrap();
        let accounts = render(&keys.identities(NODE, std::slice::from_ref(&alice)).unwrap());
        let program = testkit::tools::nats_server();
        let options = Options { program, folder: folder.path().join("nats"), port: None, accounts };
        let server = Server::start(options).await.unwrap();
        let provision = async |account| {
            let identity = provision_identity(account);
            Ok(connect(&server, &keys, &identity, &identity).await)
        };
        bootstrap::reconcile(provision, 1).await.unwrap();
        let operator = connect(&server, &keys, &operator_identity(&alice), "alice").await;
        let invalidator = connect(&server, &keys, "invalidator", "invalidator").await;
        Self { server, keys, operator, invalidator, _folder: folder }
    }

    /// Issues heartbeats as the invalidator does, five a second, until what is returned is dropped; `term` is that of its start.
    pub(crate) fn issue_heartbeats(&self, term: u64) -> JoinSet<()> {
        let invalidator = self.invalidator.clone();
        let mut issuing = JoinSet::new();
        issuing.spawn(async move {
            let account = Role::Invalidator.spec().account;
            let mut ticks = tokio::time::interval(Duration::from_millis(200));
            for counter in 1.. {
                ticks.tick().await;
                let issued_at = OffsetDateTime::now_utc();
                let orders = invalidator.last_sequence(StreamName::Orders, account).await;
                let resolutions = invalidator.last_sequence(StreamName::Resolutions, account).await;
                if let (Ok(orders), Ok(resolutions)) = (orders, resolutions) {
                    let heartbeat = HeartbeatIssued { term, counter, issued_at, orders, resolutions };
                    invalidator.publish_heartbeat(heartbeat).await.ok();
                }
            }
        });
        issuing
    }

    /// The heartbeats that a gate receives.
    pub(crate) async fn heartbeats(&self) -> bus::heartbeat::Heartbeats {
        let identity = bus::keyring::identity(Role::Gate, NODE);
        connect(&self.server, &self.keys, &identity, &identity).await.heartbeats().await.unwrap()
    }

    /// Ends the broker as a power cut would; [`Server::restart`] brings it back.
    pub(crate) async fn kill(&mut self) {
        let process = self.server.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-9", &process]).status().unwrap().success());
        self.server.ended().await.unwrap();
    }

    /// The administrator of the nodes' account.
    pub(crate) async fn node_administrator(&self) -> async_nats::jetstream::Context {
        let seed = std::fs::read_to_string(self.keys.seed_file("provision-node")).unwrap();
        let client = async_nats::ConnectOptions::with_nkey(seed).connect(self.server.url()).await.unwrap();
        async_nats::jetstream::new(client)
    }

    /// Gives an order and returns its place.
    pub(crate) async fn order(&self, kind: &str, body: serde_json::Value) -> Sequence {
        let alice = "alice".parse().unwrap();
        let given = self.operator.order(kind, &alice, body.to_string().into_bytes(), Duration::ZERO).await;
        match given.unwrap() {
            Given::Unanswered(sequence) => Sequence(sequence),
            Given::Accepted(_) | Given::Rejected(_) => panic!("there is no invalidator that could answer"),
        }
    }

    /// All refusals that were reported so far, as they are read in the services' account.
    pub(crate) async fn refusals(&self) -> Vec<ContainerRefused> {
        let stop = CancellationToken::new();
        let mut feed = Feed::open(&self.invalidator, &[(StreamName::Nodes, 0)], &TaskTracker::new(), &stop);
        let mut refusals = Vec::new();
        while let Some(Heard::Record(record)) = feed.next().await {
            refusals.push(ContainerRefused::decode(&record.body).unwrap());
        }
        stop.cancel();
        refusals
    }
}

async fn connect(server: &Server, keys: &Keyring, identity: &str, inbox: &str) -> Connection {
    let config = bus::Config {
        url: server.url().to_owned(),
        seed_file: Some(keys.seed_file(identity)),
        node: NODE.to_owned(),
    };
    Connection::connect(&config, inbox, Duration::from_secs(5)).await.unwrap()
}
