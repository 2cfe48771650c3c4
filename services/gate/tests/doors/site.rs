//! A node of the test's own: broker, registry, gate, and a Docker daemon that asks the gate. Not the cases.

use std::{process::Command, time::Duration};

use events::{order, resolution::BaseIndexed, rpc::CheckRequest, topology::Role};
use serde_json::json;
use testkit::{
    command::Finished,
    docker::{AuthorizationPlugin, Dockerd, Options, Place},
    image::{ImageRecipe, LayerRecipe},
    process::Process,
    registry::DockerRegistry,
    wait::eventually,
};
use verdict::Sequence;

use crate::broker::{Broker, NODE};

/// For machines that are busy with other tests.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) docker: Dockerd,
    pub(crate) gate: Process,
    registry: DockerRegistry,
    base: BaseIndexed,
    folder: tempfile::TempDir,
}

impl Site {
    /// A base `bases/os:1`; on it `team/app:1` and, under a name that says nothing, `hand/made:1`; beside it `team/other:1`. The daemon
    /// has the last three.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start().await;
        let registry = DockerRegistry::start(None).await.unwrap();
        let place = Place::make().unwrap();
        let plugin = folder.path().join("plimsoll.sock");
        let config = folder.path().join("gate.toml");
        let text = format!(
            "[nats]\nurl = \"{}\"\nseed_file = \"{}\"\nnode = \"{NODE}\"\n\
             [gate]\nsocket = \"{}\"\nfolder = \"{}\"\nplugin_socket = \"{}\"\n[gate.runtime]\nsocket = \"{}\"\n",
            broker.server.url(),
            broker.keys.role_seed_file(Role::Gate, NODE).display(),
            folder.path().join("gate.sock").display(),
            folder.path().join("gate").display(),
            plugin.display(),
            place.socket().display(),
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gate"));
        command.arg("--config").arg(&config);
        let mut gate = Process::start("gate", command).unwrap();
        ready(&mut gate, 1).await;
        let authorization_plugin = Some(AuthorizationPlugin { name: "plimsoll".to_owned(), socket: plugin });
        let docker =
            Dockerd::start_at(place, Options { authorization_plugin, ..Options::default() }).await.unwrap();

        let busybox =
            ImageRecipe::scratch().layer(LayerRecipe::busybox().unwrap()).command(&["sleep", "600"]);
        let base = ImageRecipe::on(&busybox).layer(LayerRecipe::new().file("etc/version", "1"));
        let app = ImageRecipe::on(&base).layer(LayerRecipe::new().file("app", "1"));
        let hand = ImageRecipe::on(&base).layer(LayerRecipe::new().file("hand", "1"));
        let other = ImageRecipe::on(&busybox).layer(LayerRecipe::new().file("other", "1"));
        let images =
            [("bases/os:1", &base), ("team/app:1", &app), ("hand/made:1", &hand), ("team/other:1", &other)];
        let client = registry::Client::new(registry::Config::default()).unwrap();
        for (name, recipe) in images {
            let reference = registry.image(name).unwrap();
            recipe.make().unwrap().push(&client, &reference).await.unwrap();
            if name != "bases/os:1" {
                docker.docker(&["pull", &reference.to_string()]).await.unwrap().success().unwrap();
            }
        }
        let base = base.make().unwrap();
        let base = BaseIndexed {
            reference: registry.image("bases/os:1").unwrap(),
            digests: vec![base.digest().clone(), base.config_digest().unwrap().clone()],
            chains: artifact::chain_ids(base.layers()).last().cloned().into_iter().collect(),
        };
        let site = Self { broker, docker, gate, registry, base, folder };
        site.broker.invalidator.publish(site.base.clone(), "test").await.unwrap();
        site
    }

    /// Takes from the gate, which must not run, a part of what it keeps on its disk.
    pub(crate) fn forget(&self, part: &str) {
        std::fs::remove_dir_all(self.folder.path().join("gate").join(part)).unwrap();
    }

    /// Makes these doors enforce, and no others.
    pub(crate) async fn enforce(&self, doors: &[&str]) {
        let doors: serde_json::Map<_, _> =
            doors.iter().map(|door| ((*door).to_owned(), json!("enforce"))).collect();
        let sequence = self.broker.order(order::CATALOG, json!({"section": "doors", "doors": doors})).await;
        self.heard(sequence).await;
    }

    /// Bans the base by its tag.
    pub(crate) async fn ban(&self) -> Sequence {
        let ban =
            json!({"image": self.base.reference.to_string(), "reason": "CVE-2024-1", "severity": "high"});
        let sequence = self.broker.order(order::BANNED, ban).await;
        self.heard(sequence).await;
        sequence
    }

    /// Waits until the gate answers by this order, and by the index that was published before any.
    pub(crate) async fn heard(&self, order: Sequence) {
        eventually(format!("the gate to hear order {order}"), BOUND, async || {
            let question = CheckRequest { image: self.image("team/other:1"), door: String::new() };
            let reply = self.broker.operator.ask(question, BOUND).await;
            reply.is_ok_and(|reply| reply.orders >= order.0 && reply.resolutions >= 1)
        })
        .await
        .unwrap();
    }

    /// The whole name of an image here.
    pub(crate) fn image(&self, name: &str) -> String {
        self.registry.image(name).unwrap().to_string()
    }

    /// Runs a command that succeeds.
    pub(crate) async fn docker(&self, arguments: &[&str]) -> String {
        self.docker.docker(arguments).await.unwrap().success().unwrap()
    }

    /// Runs a command that the gate refuses, and says why.
    #[track_caller]
    pub(crate) fn refused<'a>(&'a self, arguments: &'a [&'a str]) -> impl Future<Output = ()> + 'a {
        let at = std::panic::Location::caller();
        async move {
            let Finished { code, stderr, line, .. } = self.docker.docker(arguments).await.unwrap();
            assert!(code.is_some_and(|code| code != 0), "{at}: `{line}` passed");
            for part in ["authorization denied by plugin plimsoll", "CVE-2024-1", "alice"] {
                assert!(stderr.contains(part), "{at}: `{line}` does not say `{part}`: {stderr}");
            }
        }
    }
}

/// Waits until the gate has opened its doors for the `time`th time.
pub(crate) async fn ready(gate: &mut Process, time: usize) {
    let log = gate.log_reader();
    gate.ready(BOUND, async || log.text().matches("Ready.").count() >= time).await.unwrap();
}
