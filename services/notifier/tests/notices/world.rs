//! The parts around the notifier, and the voices of an operator and of a worker. Everything is gone when it is dropped.

use std::{
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{
    Connection, Feed, Heard, accounts, bootstrap,
    keyring::{Keyring, operator_identity, provision_identity},
    server::{Options, Server},
};
use events::{
    Event as _,
    fact::{BuildFinished, DeadLetter, Finding, Outcome},
    order,
    topology::{Account, Role, StreamName},
};
use testkit::{
    git::GitHost,
    process::{Process, free_port},
    tools,
    wait::eventually,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verdict::Operator;

use crate::receiver::Receiver;

const NODE: &str = "node-1";
const OPERATOR: &str = "alice";
/// Longer than anything takes on a busy machine.
pub(crate) const STEP: Duration = Duration::from_secs(60);
pub(crate) const DIFF: &str =
    "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1,2 +1,2 @@\n-FROM os:1\n+FROM os:2\n RUN true\n";

pub(crate) struct World {
    pub(crate) notifier: Process,
    pub(crate) git: GitHost,
    pub(crate) receiver: Receiver,
    worker: Connection,
    operator: Connection,
    dead: Arc<Mutex<Vec<DeadLetter>>>,
    stop: CancellationToken,
    _broker: Server,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::new(folder.path().join("keys"));
        let operator: Operator = OPERATOR.parse().unwrap();
        let accounts = accounts::render(&keys.identities(NODE, std::slice::from_ref(&operator)).unwrap());
        let options = Options {
            program: tools::nats_server(),
            folder: folder.path().join("nats"),
            port: None,
            accounts,
        };
        let broker = Server::start(options).await.unwrap();
        let connect = async |identity: &str, name: &str| {
            let config = bus::Config {
                url: broker.url().to_owned(),
                seed_file: Some(keys.seed_file(identity)),
                node: NODE.to_owned(),
            };
            Connection::connect(&config, name, STEP).await.unwrap()
        };
        let provision = async |account| {
            let identity = provision_identity(account);
            Ok(connect(&identity, &identity).await)
        };
        bootstrap::reconcile(provision, 1).await.unwrap();
        let health = free_port().unwrap();
        let config = folder.path().join("notifier.toml");
        let text = format!(
            "[nats]\nurl = \"{}\"\nseed_file = \"{}\"\n[telemetry]\nlog = \"notifier=debug,bus=debug,info\"\n\
             [health]\nlisten = \"127.0.0.1:{health}\"\n\
             [notifier]\nfolder = \"{}\"\n[notifier.source]\nschemes = [\"git\"]\n",
            broker.url(),
            keys.role_seed_file(Role::Notifier, NODE).display(),
            folder.path().join("notifier").display(),
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_notifier"));
        command.arg("--config").arg(config);
        let provision = provision_identity(Account::Pipe);
        let stop = CancellationToken::new();
        Self {
            notifier: Process::start("notifier", command).unwrap(),
            git: GitHost::start(None).await.unwrap(),
            receiver: Receiver::start().await,
            worker: connect(Role::Worker.as_str(), Role::Worker.as_str()).await,
            operator: connect(&operator_identity(&operator), OPERATOR).await,
            dead: dead_letters(&connect(&provision, &provision).await, &stop),
            stop,
            _broker: broker,
            _folder: folder,
        }
    }

    /// Makes a repository with a definition and orders a project of it; the first commit.
    pub(crate) async fn project(&self, name: &str, behaviour: &str) -> String {
        let source = self.git.create(name).await.unwrap();
        let webhook = self.receiver.url(behaviour);
        let body = format!(
            r#"{{"name":"{name}","source":"{source}","image":"r.test/team/{name}:1","webhook":"{webhook}"}}"#
        );
        let operator: Operator = OPERATOR.parse().unwrap();
        self.operator.order(order::PROJECT, &operator, body.into_bytes(), Duration::ZERO).await.unwrap();
        self.git.commit_and_push(name, &[("Dockerfile", "FROM os:1\nRUN true\n")], "first").await.unwrap()
    }

    /// Says that a build ended; each `cause` is another message of the same fact.
    pub(crate) async fn finished(&self, build: BuildFinished, cause: &str) {
        self.worker.publish(build, cause).await.unwrap();
    }

    /// Waits for the only notice of a project.
    pub(crate) async fn notice(&self, project: &str) -> serde_json::Value {
        let arrived = async || self.receiver.of(project).into_iter().next();
        let waited = eventually(format!("a notice of {project}"), STEP, arrived).await;
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.notifier.log()))
    }

    /// Waits for a build to be laid aside.
    pub(crate) async fn dead_letter(&self) -> DeadLetter {
        let arrived = async || self.dead.lock().unwrap_or_else(PoisonError::into_inner).first().cloned();
        let waited = eventually("a dead letter", STEP, arrived).await;
        waited.unwrap_or_else(|error| panic!("{error}\n{}", self.notifier.log()))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn dead_letters(connection: &Connection, stop: &CancellationToken) -> Arc<Mutex<Vec<DeadLetter>>> {
    let dead: Arc<Mutex<Vec<DeadLetter>>> = Arc::default();
    let tasks = TaskTracker::new();
    let mut feed = Feed::open(connection, &[(StreamName::Dead, 0)], &tasks, stop);
    let found = Arc::clone(&dead);
    tasks.spawn(async move {
        while let Some(heard) = feed.next().await {
            if let Heard::Record(record) = heard {
                let letter = DeadLetter::decode(&record.body).unwrap();
                found.lock().unwrap_or_else(PoisonError::into_inner).push(letter);
            }
        }
    });
    dead
}

/// The end of a build of `commit`.
pub(crate) fn build(project: &str, commit: &str, outcome: Outcome, diff: &str) -> BuildFinished {
    BuildFinished {
        build: format!("{project}/{commit}"),
        project: project.parse().unwrap(),
        commit: commit.to_owned(),
        ban: None,
        outcome,
        image: format!("r.test/team/{project}:1").parse().ok(),
        digest: None,
        inputs: Vec::new(),
        diff: diff.to_owned(),
        definition: "Dockerfile".to_owned(),
        message: "os:1 was built on os:2 instead.".to_owned(),
        pushed: 0,
        attempt: 1,
        class: None,
        retry_at: None,
        waits_since: None,
        waits_for: String::new(),
        findings: vec![Finding {
            line: 1,
            code: "PL1".to_owned(),
            level: "error".to_owned(),
            message: "os:1 is outdated.".to_owned(),
        }],
    }
}
