//! A broker of the test's own with all accounts, and the people and services that speak on it. Not the agent.

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
    fact::{ContainerRemedied, ContainerStarted, ContainerStopped},
    topology::{Role, StreamName},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verdict::{Operator, Sequence};

pub(crate) const NODE: &str = "node-1";

pub(crate) struct Broker {
    pub(crate) server: Server,
    pub(crate) keys: Keyring,
    operator: Connection,
    pub(crate) invalidator: Connection,
    stop: CancellationToken,
    _folder: tempfile::TempDir,
}

/// What a node said of one of its containers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    Started(ContainerStarted),
    Stopped(ContainerStopped),
    Remedied(ContainerRemedied),
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
        Self { server, keys, operator, invalidator, stop: CancellationToken::new(), _folder: folder }
    }

    /// A connection with the agent's own identity.
    pub(crate) async fn agent(&self) -> Connection {
        let identity = bus::keyring::identity(Role::Agent, NODE);
        connect(&self.server, &self.keys, &identity, &identity).await
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

    /// All that nodes said so far, as it is read in the services' account.
    pub(crate) async fn said(&self) -> Vec<Said> {
        let stop = self.stop.child_token();
        let streams = [(StreamName::Nodes, 0)];
        let mut feed = Feed::open(&self.invalidator, &streams, &TaskTracker::new(), &stop);
        let mut said = Vec::new();
        while let Some(Heard::Record(record)) = feed.next().await {
            said.push(match record.subject.split_kind().unwrap().0 {
                ContainerStarted::KIND => Said::Started(ContainerStarted::decode(&record.body).unwrap()),
                ContainerStopped::KIND => Said::Stopped(ContainerStopped::decode(&record.body).unwrap()),
                ContainerRemedied::KIND => Said::Remedied(ContainerRemedied::decode(&record.body).unwrap()),
                other => panic!("{other}"),
            });
        }
        stop.cancel();
        said
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
