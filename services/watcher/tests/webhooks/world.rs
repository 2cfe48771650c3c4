//! The parts around the watcher, and an ear at what it publishes. Everything is gone when it is dropped.

use std::{
    path::Path,
    process::Command,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bus::{
    Connection, Feed, Heard, Record, accounts, bootstrap,
    keyring::{Keyring, identity, operator_identity, provision_identity},
    server::{Options, Server},
};
use events::{
    Event,
    topology::{Role, StreamName},
};
use testkit::{
    git::{GitHost, Webhook},
    process::{Process, free_port},
    registry::{DockerRegistry, Notify},
    tools,
    wait::eventually,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verdict::Operator;

pub(crate) const SECRET: &str = "plimsoll-test-secret";
const NODE: &str = "node-1";
const OPERATOR: &str = "alice";
/// Longer than anything takes on a busy machine.
pub(crate) const STEP: Duration = Duration::from_secs(60);

pub(crate) struct World {
    pub(crate) watcher: Process,
    pub(crate) registry: DockerRegistry,
    pub(crate) git: GitHost,
    pub(crate) client: registry::Client,
    pub(crate) broker: Server,
    address: String,
    heard: Arc<Mutex<Vec<Record>>>,
    keys: Keyring,
    stop: CancellationToken,
    tasks: TaskTracker,
    _folder: tempfile::TempDir,
}

impl World {
    /// Starts everything; registry and git host report to the watcher, which polls once and then not for an hour.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keyring::new(folder.path().join("keys"));
        let operator: Operator = OPERATOR.parse().unwrap();
        let accounts = accounts::render(&keys.identities(NODE, &[operator]).unwrap());
        let options = Options {
            program: tools::nats_server(),
            folder: folder.path().join("nats"),
            port: None,
            accounts,
        };
        let broker = Server::start(options).await.unwrap();
        let address = format!("127.0.0.1:{}", free_port().unwrap());
        let hook = |source: &str| format!("http://{address}/webhooks/{source}");
        let notify = Notify { url: hook("registry"), authorization: format!("Bearer {SECRET}") };
        let registry = DockerRegistry::start(Some(notify)).await.unwrap();
        let git =
            GitHost::start(Some(Webhook { url: hook("git"), secret: SECRET.to_owned() })).await.unwrap();
        let watcher = watcher(folder.path(), &keys, broker.url(), &address);
        let mut world = Self {
            watcher,
            registry,
            git,
            client: registry::Client::new(registry::Config::default()).unwrap(),
            broker,
            address,
            heard: Arc::default(),
            keys,
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
            _folder: folder,
        };
        let provision = async |account| Ok(world.connect(&provision_identity(account)).await);
        bootstrap::reconcile(provision, 1).await.unwrap();
        world.listen().await;
        world.wait_for_watcher().await;
        world
    }

    /// The address of a source's webhook.
    pub(crate) fn hook(&self, source: &str) -> String {
        format!("http://{}/webhooks/{source}", self.address)
    }

    /// Waits until the watcher takes webhooks.
    pub(crate) async fn wait_for_watcher(&mut self) {
        let url = self.hook("nobody");
        self.watcher.ready(STEP, async || post(&url, &[], "").await.is_some()).await.unwrap();
    }

    /// Gives an order; nobody answers it here.
    pub(crate) async fn order(&self, kind: &str, body: &str) {
        let operator: Operator = OPERATOR.parse().unwrap();
        let config = self.config(&operator_identity(&operator));
        let connection = Connection::connect(&config, OPERATOR, STEP).await.unwrap();
        let given =
            connection.order(kind, &operator, body.as_bytes().to_vec(), Duration::ZERO).await.unwrap();
        assert!(matches!(given, bus::order::Given::Unanswered(_)), "{given:?}");
    }

    /// Every `E` published so far, in order.
    pub(crate) fn facts<E: Event>(&self) -> Vec<E> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard
            .iter()
            .filter(|record| record.subject.split_kind().is_some_and(|(kind, _)| kind == E::KIND))
            .map(|record| E::decode(&record.body).unwrap())
            .collect()
    }

    /// Waits until as many `E` as `count` for which `wanted` holds have been published, and fails for more.
    pub(crate) async fn published<E: Event>(&self, count: usize, wanted: impl Fn(&E) -> bool) -> Vec<E> {
        let what = format!("{count} of {}", E::KIND);
        let found = async || {
            let facts: Vec<E> = self.facts::<E>().into_iter().filter(&wanted).collect();
            assert!(facts.len() <= count, "more than {count} {}\n{}", E::KIND, self.watcher.log());
            (facts.len() == count).then_some(facts)
        };
        eventually(what, STEP, found).await.unwrap_or_else(|error| panic!("{error}\n{}", self.watcher.log()))
    }

    async fn listen(&self) {
        // A role that may read both streams, and whose process is not running here.
        let connection = self.connect(&identity(Role::Planner, NODE)).await;
        let streams = [(StreamName::Images, 0), (StreamName::Sources, 0)];
        let mut feed = Feed::open(&connection, &streams, &self.tasks, &self.stop);
        let heard = Arc::clone(&self.heard);
        self.tasks.spawn(async move {
            while let Some(next) = feed.next().await {
                if let Heard::Record(record) = next {
                    heard.lock().unwrap_or_else(PoisonError::into_inner).push(*record);
                }
            }
        });
    }

    async fn connect(&self, identity: &str) -> Connection {
        Connection::connect(&self.config(identity), identity, STEP).await.unwrap()
    }

    fn config(&self, identity: &str) -> bus::Config {
        bus::Config {
            url: self.broker.url().to_owned(),
            seed_file: Some(self.keys.seed_file(identity)),
            node: NODE.to_owned(),
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn watcher(folder: &Path, keys: &Keyring, broker: &str, address: &str) -> Process {
    let seed = keys.role_seed_file(Role::Watcher, NODE);
    let config = folder.join("watcher.toml");
    let text = format!(
        "[nats]\nurl = \"{broker}\"\nseed_file = \"{}\"\n\
         [telemetry]\nlog = \"watcher=debug,info\"\n\
         [watcher]\nlisten = \"{address}\"\npoll_seconds = 3600\n\
         [watcher.source]\nschemes = [\"git\"]\n\
         [watcher.sources.registry]\nkind = \"distribution\"\nsecret = \"{SECRET}\"\n\
         [watcher.sources.git]\nkind = \"gitea\"\nsecret = \"{SECRET}\"\n",
        seed.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watcher"));
    command.arg("--config").arg(config);
    Process::start("watcher", command).unwrap()
}

/// Posts as a stranger would; the status and the text of the answer, or none when there is none.
pub(crate) async fn post(url: &str, headers: &[(&'static str, &str)], body: &str) -> Option<(u16, String)> {
    // Another test may have been first.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    let client = reqwest::Client::builder().no_proxy().timeout(STEP).build().unwrap();
    let request =
        headers.iter().fold(client.post(url), |request, (name, value)| request.header(*name, *value));
    let answer = request.body(body.to_owned()).send().await.ok()?;
    Some((answer.status().as_u16(), answer.text().await.unwrap_or_default()))
}
