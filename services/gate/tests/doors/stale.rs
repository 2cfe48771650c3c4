//! A gate that is cut off in each of the ways there are: its answers before and after `max_age` under each failure policy, and when it is
//! over. No container runtime: what is asked is asked over the gate's own socket.

use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use async_nats::jetstream::stream::{Config, External, Source};
use events::{
    Body as _, order,
    resolution::BaseIndexed,
    rpc::{CheckReply, CheckRequest},
    topology::Role,
};
use serde_json::json;
use testkit::{
    image::{ImageRecipe, LayerRecipe},
    process::{Process, free_port},
    proxy::Proxy,
    registry::DockerRegistry,
    wait::eventually,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixStream},
    task::JoinSet,
};
use verdict::Decision::{self, Allow, Refuse, Warn};
use verdict::Sequence;

use crate::{
    broker::{Broker, NODE},
    site::{BOUND, ready},
};

/// Each enforcement point follows another failure policy, so that one gate shows all of them.
const POINTS: [(&str, &str); 3] = [("create", "last-known"), ("start", "closed"), ("pull", "open")];

/// For which the processes are asked who they are.
const STATUS: Duration = Duration::from_millis(500);

/// A gate behind a link that can be frozen. All points enforce; `bases/os:1` and `team/app:1` on it are banned, `team/other:1` is not.
pub(crate) struct Post {
    pub(crate) broker: Broker,
    heartbeats: JoinSet<()>,
    link: Proxy,
    registry: DockerRegistry,
    pub(crate) gate: Process,
    socket: PathBuf,
    health: u16,
    _folder: tempfile::TempDir,
}

impl Post {
    async fn start() -> Self {
        Self::start_in(None).await
    }

    /// With a gate that keeps what it reads in `kept`.
    pub(crate) async fn start_in(kept: Option<&Path>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start().await;
        let heartbeats = broker.issue_heartbeats(1);
        let link = Proxy::start(broker.server.url().trim_start_matches("nats://")).await.unwrap();
        let registry = DockerRegistry::start(None).await.unwrap();
        let (socket, health) = (folder.path().join("gate.sock"), free_port().unwrap());
        let mut text = format!(
            "[nats]\nurl = \"nats://{}\"\nseed_file = \"{}\"\nnode = \"{NODE}\"\n[health]\nlisten = \"127.0.0.1:{health}\"\n\
             [gate]\nsocket = \"{}\"\nfolder = \"{}\"\n[gate.freshness]\nmax_age_secs = 3\n",
            link.address(),
            broker.keys.role_seed_file(Role::Gate, NODE).display(),
            socket.display(),
            kept.map_or_else(|| folder.path().join("gate"), Path::to_owned).display(),
        );
        for (point, policy) in POINTS {
            text.push_str(&format!("[gate.freshness.{point}]\non_stale = \"{policy}\"\n"));
        }
        let config = folder.path().join("gate.toml");
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.arg("--config").arg(&config);
        let mut gate = Process::start("gate", command).unwrap();
        ready(&mut gate, 1).await;
        let post = Self { broker, heartbeats, link, registry, gate, socket, health, _folder: folder };
        post.push_images().await;
        post.enforce().await;
        post.ban("bases/os:1").await;
        post.answers([Allow, Allow, Allow], [Refuse, Refuse, Refuse]).await;
        post
    }

    async fn push_images(&self) {
        let base = ImageRecipe::scratch().layer(LayerRecipe::new().file("etc/version", "1"));
        let app = ImageRecipe::on(&base).layer(LayerRecipe::new().file("app", "1"));
        let other = ImageRecipe::scratch().layer(LayerRecipe::new().file("other", "1"));
        let client = registry::Client::new(registry::Config::default()).unwrap();
        for (name, recipe) in [("bases/os:1", &base), ("team/app:1", &app), ("team/other:1", &other)] {
            recipe.make().unwrap().push(&client, &self.registry.image(name).unwrap()).await.unwrap();
        }
        let base = base.make().unwrap();
        let indexed = BaseIndexed {
            reference: self.registry.image("bases/os:1").unwrap(),
            digests: vec![base.digest().clone(), base.config_digest().unwrap().clone()],
            chains: artifact::chain_ids(base.layers()).last().cloned().into_iter().collect(),
        };
        self.broker.invalidator.publish(indexed, "test").await.unwrap();
    }

    async fn enforce(&self) {
        let modes = json!({"create": "enforce", "start": "enforce", "pull": "enforce"});
        self.broker.order(order::CATALOG, json!({"section": "doors", "doors": modes})).await;
    }

    pub(crate) async fn ban(&self, image: &str) -> Sequence {
        let image = self.registry.image(image).unwrap().to_string();
        self.broker
            .order(order::BANNED, json!({"image": image, "reason": "CVE-2024-1", "severity": "high"}))
            .await
    }

    pub(crate) async fn ask(&self, image: &str, door: &str) -> CheckReply {
        let image = self.registry.image(image).unwrap().to_string();
        let body = CheckRequest { image, door: door.to_owned() }.encode();
        let stream = UnixStream::connect(&self.socket).await.unwrap();
        let (status, body) = exchange(stream, "POST /v1/check", &body).await;
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        CheckReply::decode(&body).unwrap()
    }

    /// Waits until the three points answer so about the image that is clear and the one that is banned, and checks that each answer says how old it is.
    #[track_caller]
    fn answers(&self, clear: [Decision; 3], banned: [Decision; 3]) -> impl Future<Output = ()> + '_ {
        let at = std::panic::Location::caller();
        async move {
            let wanted = [("team/other:1", clear), ("team/app:1", banned)];
            eventually(format!("the answers {wanted:?} of {at}"), BOUND, async || {
                for (image, decisions) in wanted {
                    for ((door, policy), decision) in POINTS.into_iter().zip(decisions) {
                        let reply = self.ask(image, door).await;
                        let age = reply.age_ms.ok_or("no age")?;
                        if reply.stale != (age > 3000) {
                            return Err(format!("{age} ms and stale: {}", reply.stale));
                        }
                        if reply.stale != reply.message.contains("what this gate knows is") {
                            return Err(format!("stale: {}, and says {}", reply.stale, reply.message));
                        }
                        if reply.decision != decision {
                            return Err(format!(
                                "{image} at {door} ({policy}): {}: {}",
                                reply.decision, reply.message
                            ));
                        }
                    }
                }
                Ok(())
            })
            .await
            .unwrap();
        }
    }

    /// Waits until the gate says of itself that it is ready or that it is stale.
    async fn says(&self, status: u16, word: &str) {
        eventually(format!("/readyz to say {word}"), BOUND, async || {
            let stream =
                TcpStream::connect(("127.0.0.1", self.health)).await.map_err(|error| error.to_string())?;
            let (found, body) = exchange(stream, "GET /readyz", b"").await;
            let body = String::from_utf8_lossy(&body).into_owned();
            if found == status && body.contains(word) { Ok(()) } else { Err(format!("{found} {body}")) }
        })
        .await
        .unwrap();
    }

    /// Waits until `plimsoll status` is shown a condition with `word` of this gate, or none.
    pub(crate) async fn has_condition(&self, word: &str, expected: bool) {
        eventually(format!("a condition about {word}: {expected}"), BOUND, async || {
            let present =
                self.broker.operator.present(&["gate"], STATUS).await.map_err(|error| error.to_string())?;
            let [gate] = present.as_slice() else { return Err(format!("{present:?}")) };
            let has = gate.conditions.iter().any(|condition| condition.contains(word));
            if has == expected { Ok(()) } else { Err(format!("{:?}", gate.conditions)) }
        })
        .await
        .unwrap();
    }

    async fn fresh(&self) {
        self.answers([Allow, Allow, Allow], [Refuse, Refuse, Refuse]).await;
        self.says(200, "ready").await;
    }

    async fn stale(&self) {
        self.answers([Warn, Refuse, Warn], [Refuse, Refuse, Refuse]).await;
        self.says(503, "stale").await;
        eventually("the log to say so", BOUND, async || self.gate.log().contains("What this gate knows is"))
            .await
            .unwrap();
    }
}

/// One request on a connection of its own: the status, and the body.
async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    line: &str,
    body: &[u8],
) -> (u16, Vec<u8>) {
    let head = format!(
        "{line} HTTP/1.1\r\nHost: gate\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
    let mut answer = Vec::new();
    tokio::time::timeout(BOUND, stream.read_to_end(&mut answer)).await.unwrap().unwrap();
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), answer[end + 4..].to_vec())
}

#[tokio::test]
async fn a_frozen_link_makes_the_gate_stale_until_it_carries_again() {
    let post = Post::start().await;
    post.fresh().await;
    post.link.freeze();
    post.stale().await;
    // What was ordered meanwhile holds when the link is back.
    post.ban("team/other:1").await;
    post.stale().await;
    post.link.thaw();
    post.answers([Refuse, Refuse, Refuse], [Refuse, Refuse, Refuse]).await;
    post.says(200, "ready").await;
}

#[tokio::test]
async fn a_stopped_broker_makes_the_gate_stale_until_it_is_back() {
    let mut post = Post::start().await;
    post.fresh().await;
    post.broker.kill().await;
    post.stale().await;
    post.broker.server.restart().await.unwrap();
    post.fresh().await;
}

#[tokio::test]
async fn a_dead_invalidator_makes_the_gate_stale_until_another_term_begins() {
    let mut post = Post::start().await;
    post.fresh().await;
    post.has_condition("What this gate knows is", false).await;
    post.heartbeats.shutdown().await;
    post.stale().await;
    post.has_condition("What this gate knows is", true).await;
    // A heartbeat of the old term says nothing new.
    let mut received = post.broker.heartbeats().await;
    let repeated = post.broker.issue_heartbeats(1);
    for _ in 0..2 {
        received.next().await.unwrap();
    }
    post.stale().await;
    drop(repeated);
    post.heartbeats = post.broker.issue_heartbeats(2);
    post.fresh().await;
    post.has_condition("What this gate knows is", false).await;
}

#[tokio::test]
async fn a_stalled_mirror_makes_the_gate_stale_though_heartbeats_arrive() {
    let post = Post::start().await;
    post.fresh().await;
    let administrator = post.broker.node_administrator().await;
    let mirror = async |api: &str| {
        administrator.delete_stream("ORDERS").await.unwrap();
        let origin = Source {
            name: "ORDERS".to_owned(),
            external: Some(External {
                api_prefix: api.to_owned(),
                delivery_prefix: Some("deliver.OPS.NODE".to_owned()),
            }),
            ..Source::default()
        };
        let config = Config { name: "ORDERS".to_owned(), mirror: Some(origin), ..Config::default() };
        administrator.create_stream(config).await.unwrap();
    };
    mirror("JS.NOWHERE.API").await;
    // While nothing is ordered, nothing is missing.
    post.fresh().await;
    post.enforce().await;
    post.stale().await;
    mirror("JS.OPS.API").await;
    post.fresh().await;
}
