//! A node of the test's own: broker, registry, Docker daemon with containers on a base and beside it, and the agent. Not the cases.

use std::{process::Command, time::Duration};

use containers::{Container, Runtime};
use events::{
    fact::{ContainerRemedied, RunState},
    order,
    resolution::BaseIndexed,
};
use serde_json::json;
use testkit::{
    docker::Dockerd,
    image::{ImageRecipe, LayerRecipe},
    process::Process,
    registry::DockerRegistry,
    wait::eventually,
};
use verdict::Sequence;

use crate::broker::{Broker, NODE, Said};

/// For machines that are busy with other tests.
pub(crate) const BOUND: Duration = Duration::from_secs(60);

/// One line a run, then what the container's own files ask for.
const PATCH: &str = "echo x >> /patched; [ -e /fail ] && exit 3; [ -e /hang ] && sleep 600; exit 0";

pub(crate) struct Site {
    pub(crate) broker: Broker,
    pub(crate) docker: Dockerd,
    pub(crate) runtime: Runtime,
    registry: DockerRegistry,
    base: BaseIndexed,
    folder: tempfile::TempDir,
}

impl Site {
    /// With a base `bases/os:1`, `team/app:1` on it and `team/other:1` beside it.
    pub(crate) async fn start() -> Self {
        let broker = Broker::start().await;
        let registry = DockerRegistry::start(None).await.unwrap();
        let docker = Dockerd::start(testkit::docker::Options::default()).await.unwrap();
        let runtime =
            Runtime::new(&containers::Config { socket: docker.socket(), ..containers::Config::default() });
        let busybox =
            ImageRecipe::scratch().layer(LayerRecipe::busybox().unwrap()).command(&["sleep", "600"]);
        let base = ImageRecipe::on(&busybox).layer(LayerRecipe::new().file("etc/version", "1"));
        let app = ImageRecipe::on(&base).layer(LayerRecipe::new().file("app", "1"));
        let other = ImageRecipe::on(&busybox).layer(LayerRecipe::new().file("other", "1"));
        let client = registry::Client::new(registry::Config::default()).unwrap();
        for (name, recipe) in [("bases/os:1", &base), ("team/app:1", &app), ("team/other:1", &other)] {
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
        Self { broker, docker, runtime, registry, base, folder: tempfile::tempdir().unwrap() }
    }

    /// The agent, ready.
    pub(crate) async fn agent(&self) -> Process {
        let config = self.folder.path().join("agent.toml");
        let keys = self.broker.keys.role_seed_file(events::topology::Role::Agent, NODE);
        let text = format!(
            "[nats]\nurl = \"{}\"\nseed_file = \"{}\"\nnode = \"{NODE}\"\n[telemetry]\nlog = \"info,remediator=debug\"\n\
             [agent.runtime]\nsocket = \"{}\"\n",
            self.broker.server.url(),
            keys.display(),
            self.docker.socket().display(),
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_agent"));
        command.arg("--config").arg(&config);
        let mut process = Process::start("agent", command).unwrap();
        let log = process.log_reader();
        let is_ready = async || log.text().contains("Ready.");
        process.ready(BOUND, is_ready).await.unwrap();
        process
    }

    /// Says what the base is, declares the remedies `patch` and (idempotent) `again`, and bans the base with the first.
    pub(crate) async fn ban(&self) -> Sequence {
        self.declare().await;
        self.broker.order(order::BANNED, self.ban_body()).await
    }

    pub(crate) async fn declare(&self) {
        self.broker.invalidator.publish(self.base.clone(), "test").await.unwrap();
        let remedies = json!([
            {"name": "patch", "argv": ["sh", "-c", PATCH], "timeoutSeconds": 3},
            {"name": "again", "argv": ["sh", "-c", "echo x >> /again"], "idempotent": true},
        ]);
        let _catalog =
            self.broker.order(order::CATALOG, json!({"section": "remedies", "remedies": remedies})).await;
    }

    pub(crate) fn ban_body(&self) -> serde_json::Value {
        json!({"image": self.base.reference.to_string(), "reason": "CVE", "remedy": "patch"})
    }

    /// Starts a container of `image` (`app` or `other`).
    pub(crate) async fn run(&self, image: &str, name: &str) -> Container {
        let image = self.registry.image(&format!("team/{image}:1")).unwrap().to_string();
        self.docker(&["run", "--detach", "--network", "none", "--name", name, &image]).await;
        self.runtime.container(name).await.unwrap().unwrap()
    }

    pub(crate) async fn docker(&self, arguments: &[&str]) -> String {
        self.docker.docker(arguments).await.unwrap().success().unwrap()
    }

    /// How often the remedy that writes to `file` ran in a container.
    pub(crate) async fn count(&self, name: &str, file: &str) -> usize {
        let look = format!("cat {file} 2>/dev/null; true");
        self.docker(&["exec", name, "sh", "-c", &look]).await.lines().count()
    }

    /// Waits until one remedy more than `before` was told of a container, and yields the last.
    pub(crate) async fn remedied(&self, name: &str, remedy: &str, before: usize) -> ContainerRemedied {
        eventually(format!("`{remedy}` in {name}"), BOUND, async || {
            self.remedies(name, remedy).await.into_iter().nth(before)
        })
        .await
        .unwrap()
    }

    pub(crate) async fn remedies(&self, name: &str, remedy: &str) -> Vec<ContainerRemedied> {
        let said = self.broker.said().await.into_iter();
        said.filter_map(|said| match said {
            Said::Remedied(fact) => Some(fact),
            Said::Started(_) | Said::Stopped(_) => None,
        })
        .filter(|fact| fact.name == name && fact.remedy.as_str() == remedy)
        .collect()
    }

    /// Waits until a remedy was told with `state`, and checks how often it ran.
    pub(crate) async fn check(&self, name: &str, state: RunState, exit_code: i64, runs: usize) {
        let fact = self.remedied(name, "patch", 0).await;
        assert_eq!((fact.state, fact.exit_code), (state, exit_code), "{name}: {}", fact.output);
        assert_eq!(self.count(name, "/patched").await, runs, "{name}");
        assert_eq!(self.remedies(name, "patch").await.len(), 1, "{name}");
    }
}
