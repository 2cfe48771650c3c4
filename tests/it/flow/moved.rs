//! A banned tag moves while the invalidator is away: every digest that the tag has had stays denied, until a fix is recorded, and then the fixed one and
//! those after it are allowed.

use anyhow::{Result, bail, ensure};
use artifact::{Digest, ImageRef};
use events::{order, topology::Role};
use serde_json::{Value, json};
use testkit::{
    foreign::{ForeignClient, Outcome},
    image::{ImageRecipe, LayerRecipe},
    process::{Process, free_port},
    registry::DockerRegistry,
    wait::eventually,
};
use tests::{
    apart::{Broker, bases, enforcing, notify, watcher},
    facts::{Fact, Facts},
    images,
    world::{OPERATOR, STEP},
};
use tokio::net::TcpStream;

const NODE: &str = "buoy";
const SECRET: &str = "a-secret";

struct Site {
    broker: Broker,
    registry: DockerRegistry,
    invalidator: Process,
    others: Vec<Process>,
    facts: Facts,
    client: registry::Client,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tag_that_moves_under_a_ban_keeps_all_its_digests_denied_until_it_is_fixed() {
    let _machine = super::machine().await;
    let mut site = Site::start().await.unwrap();
    if let Err(error) = play(&mut site).await {
        let logs: String = site.others.iter().chain([&site.invalidator]).map(Process::log).collect();
        panic!("{error:#}\n{logs}");
    }
}

impl Site {
    async fn start() -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let hooks = free_port()?;
        let registry = DockerRegistry::start(Some(notify(hooks, SECRET))).await?;
        let gate = format!("[gate]\nsocket = \"{}\"\n", broker.gate(NODE).display());
        let folder = broker.folder().join("invalidator");
        let others = vec![
            broker.start_role(Role::Gate, NODE, &gate)?,
            broker.start_role(Role::Watcher, NODE, &watcher(hooks, registry.host(), SECRET))?,
        ];
        let invalidator = format!("[invalidator]\nfolder = \"{}\"\n", folder.display());
        let invalidator = broker.start_role(Role::Invalidator, NODE, &invalidator)?;
        let facts = broker.listen().await?;
        let client = registry::Client::new(registry::Config::default())?;
        let listening = async || TcpStream::connect(("127.0.0.1", hooks)).await;
        eventually("the watcher to listen", STEP, listening).await?;
        Ok(Self { broker, registry, invalidator, others, facts, client })
    }

    /// Pushes an image, and waits until the watcher has published that.
    async fn push(&self, recipe: &ImageRecipe, name: &str) -> Result<Digest> {
        let image = recipe.make()?;
        image.push(&self.client, &self.registry.image(name)?).await?;
        let digest = image.digest().clone();
        let pushed = |fact: &Fact| {
            let is_it = fact.kind == "plimsoll.image.pushed" && fact.text("digest") == digest.as_str();
            is_it.then_some(())
        };
        self.facts.wait(&format!("{name} to be heard of"), pushed).await?;
        Ok(digest)
    }

    /// Waits until the invalidator has read what the tag points at.
    async fn indexed(&self, digest: &Digest) -> Result<()> {
        let indexed = |fact: &Fact| {
            let is_it =
                fact.kind == "plimsoll.base.indexed" && fact.text("reference").ends_with(digest.as_str());
            is_it.then_some(())
        };
        self.facts.wait(&format!("{digest} to be indexed"), indexed).await
    }

    /// Stores an order, and waits for no answer.
    async fn store(&self, kind: &str, body: &Value) -> Result<u64> {
        let seed = self.broker.seed(&format!("operator-{OPERATOR}"));
        let client = ForeignClient::new(self.broker.url(), seed);
        match client.publish(&format!("{kind}.{OPERATOR}"), body.to_string().as_bytes()).await? {
            Outcome::Stored { sequence, .. } => Ok(sequence),
            other => bail!("the order on {kind} was not stored: {other:?}"),
        }
    }

    /// Waits until `plimsoll check` ends with `code`; a fact takes its time to every reader.
    async fn answers(&self, image: &ImageRef, code: i32) -> Result<()> {
        let checked = async || -> Result<()> {
            let said = self.broker.check(NODE, image).await?;
            ensure!(said.code == Some(code), "{image}: {:?} {}{}", said.code, said.stdout, said.stderr);
            Ok(())
        };
        eventually(format_args!("{image} to be answered {code}"), STEP, checked).await
    }
}

fn on(base: &ImageRecipe, name: &str) -> ImageRecipe {
    ImageRecipe::on(base).layer(LayerRecipe::new().file("app", name))
}

async fn play(site: &mut Site) -> Result<()> {
    let [a, b, c] = [images::base("a")?, images::base("b")?, images::base("c")?];
    let tag = site.registry.image("base/os:1")?;
    let first = site.push(&a, "base/os:1").await?;
    site.broker.order(&site.facts, order::CATALOG, &bases(&tag.repository().to_string(), "1", &[])).await?;
    site.broker.order(&site.facts, order::CATALOG, &enforcing()).await?;
    site.indexed(&first).await?;
    let mut apps = Vec::new();
    for (recipe, name) in [(&a, "team/a:1"), (&b, "team/b:1"), (&c, "team/c:1")] {
        site.push(&on(recipe, name), name).await?;
        apps.push(site.registry.image(name)?);
    }
    let [on_a, on_b, on_c] = <[ImageRef; 3]>::try_from(apps).map_err(|_| anyhow::anyhow!("three apps"))?;
    for app in [&on_a, &on_b, &on_c] {
        site.answers(app, 0).await?;
    }

    site.invalidator.kill()?;
    let ban = json!({"image": tag.to_string(), "reason": "libfix lets anybody in", "severity": "critical"});
    let ban = site.store(order::BANNED, &ban).await?;
    site.answers(&on_a, 1).await?;
    site.push(&b, "base/os:1").await?;
    site.invalidator.restart()?;
    site.facts.accepted(ban).await?;
    let third = site.push(&c, "base/os:1").await?;
    site.indexed(&third).await?;
    for app in [&on_c, &on_b, &on_a] {
        site.answers(app, 1).await?;
    }

    // The tag is clean from its third digest on.
    let fixed =
        json!({"image": tag.to_string(), "digest": third.as_str(), "reason": "rebuilt with libfix 2"});
    site.broker.order(&site.facts, order::FIXED, &fixed).await?;
    site.answers(&on_c, 0).await?;
    site.answers(&tag, 0).await?;
    site.answers(&on_a, 1).await?;
    site.answers(&on_b, 1).await?;
    let fourth = images::base("d")?;
    site.push(&fourth, "base/os:1").await?;
    site.answers(&tag, 0).await?;
    site.answers(&on_a, 1).await
}
