//! The same services as binaries of their own, each with one file, on a broker that was there before: from a push to a replaced image,
//! and what is left of it when nothing but the gate runs. Not the story: that is told of `plimsoll up`.

mod dead;
mod mistakes;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, Result, ensure};
use artifact::{Digest, ImageRef};
use events::{
    order,
    topology::{Keep, Role, StreamName},
};
use serde_json::{Value, json};
use testkit::{
    git::{BRANCH, GitHost, Webhook},
    image::{ImageRecipe, LayerRecipe},
    process::{Process, free_port},
    registry::DockerRegistry,
    wait::eventually,
};
use tests::{
    apart::{Broker, bases, enforcing, notify, watcher},
    facts::{Fact, Facts, stored},
    images,
    wire::Wire,
    world::{OPERATOR, STEP},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const NODE: &str = "harbour";
const SECRET: &str = "a-secret";

struct Site {
    broker: Broker,
    registry: DockerRegistry,
    git: GitHost,
    gate: Process,
    others: Vec<Process>,
    health: u16,
    facts: Facts,
    client: registry::Client,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_run_as_their_own_binaries_and_the_gate_alone_goes_on() {
    let _machine = super::machine().await;
    let mut site = Site::start().await.unwrap();
    if let Err(error) = play(&mut site).await {
        let logs: String = site.others.iter().chain([&site.gate]).map(Process::log).collect();
        panic!("{error:#}\n{logs}");
    }
    alone(site).await.unwrap();
}

impl Site {
    async fn start() -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let (hooks, health) = (free_port()?, free_port()?);
        let registry = DockerRegistry::start(Some(notify(hooks, SECRET))).await?;
        let url = format!("http://127.0.0.1:{hooks}/webhooks/git");
        let git = GitHost::start(Some(Webhook { url, secret: SECRET.to_owned() })).await?;
        let folder = |role: Role| {
            format!("[{role}]\nfolder = \"{}\"\n", broker.folder().join(role.as_str()).display())
        };
        let fetching = |role: Role| format!("{}[{role}.source]\nschemes = [\"git\"]\n", folder(role));
        let watcher = watcher(hooks, registry.host(), SECRET)
            + &format!(
                "[watcher.sources.git]\nkind = \"gitea\"\nsecret = \"{SECRET}\"\n[watcher.source]\nschemes = [\"git\"]\n"
            );
        let gate = format!(
            "[gate]\nsocket = \"{}\"\n[health]\nlisten = \"127.0.0.1:{health}\"\n",
            broker.gate(NODE).display()
        );
        let gate = broker.start_role(Role::Gate, NODE, &gate)?;
        let mut others = Vec::new();
        for role in Role::ALL {
            let sections = match role {
                Role::Gate => continue,
                Role::Watcher => watcher.clone(),
                Role::Invalidator => folder(role),
                Role::Worker | Role::Notifier => fetching(role),
                Role::Scanner | Role::Planner | Role::Agent => String::new(),
            };
            others.push(broker.start_role(role, NODE, &sections)?);
        }
        let facts = broker.listen().await?;
        let client = registry::Client::new(registry::Config::default())?;
        eventually("the watcher to listen", STEP, async || TcpStream::connect(("127.0.0.1", hooks)).await)
            .await?;
        Ok(Self { broker, registry, git, gate, others, health, facts, client })
    }

    async fn order(&self, kind: &str, body: Value) -> Result<u64> {
        self.broker.order(&self.facts, kind, &body).await
    }

    /// Waits until `plimsoll check` ends with `code`; a fact takes its time to every reader.
    async fn answers(&self, image: &ImageRef, code: i32) -> Result<()> {
        let checked = async || -> Result<()> {
            let said = self.broker.check(NODE, image).await?;
            ensure!(said.code == Some(code), "{image}: {:?} {}{}", said.code, said.stdout, said.stderr);
            Ok(())
        };
        eventually(format_args!("the gate to answer {code}"), STEP, checked).await
    }

    async fn ready(&self, status: &str) -> Result<()> {
        let answered = async || -> Result<()> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.health)).await?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            ensure!(answer.starts_with(&format!("HTTP/1.0 {status}")), "{answer}");
            Ok(())
        };
        eventually(format_args!("readiness {status}"), STEP, answered).await
    }

    fn at(&self, path: &str, digest: &Digest) -> Result<ImageRef> {
        Ok(self.registry.repository(path)?.at_digest(digest.clone()))
    }
}

async fn play(site: &mut Site) -> Result<()> {
    site.ready("200").await?;
    all_are_listed(site).await?;
    dead::letters_are_listed_and_redriven(&site.broker).await?;
    let old = images::base("10.4.8")?;
    for (recipe, name) in [(&old, "base/os:10.4.8"), (&images::base("10.4.9")?, "base/os:10.4.9")] {
        recipe.make()?.push(&site.client, &site.registry.image(name)?).await?;
    }
    let base = site.registry.repository("base/os")?.to_string();
    site.order(order::CATALOG, bases(&base, "10.4.8", &["10.4.9"])).await?;
    site.order(order::CATALOG, enforcing()).await?;
    let built = build(site).await?;
    let derivative = ImageRecipe::on(&old).layer(LayerRecipe::new().file("thing", "made by hand\n"));
    let derivative = derivative.make()?.push(&site.client, &site.registry.image("misc/thing:7")?).await?;
    let derivative = site.at("misc/thing", &derivative)?;
    let heard = |fact: &Fact| {
        (fact.kind == "plimsoll.image.pushed" && fact.text("repository").ends_with("misc/thing"))
            .then_some(())
    };
    site.facts.wait("the push by hand to be heard of", heard).await?;
    for image in [&built, &derivative] {
        site.answers(image, 0).await?;
    }
    ban(site, &built, &derivative).await?;
    readable(site).await
}

/// A project, built by the webhook of its push; by digest.
async fn build(site: &Site) -> Result<ImageRef> {
    let image = site.registry.image("team/app:1")?;
    let source = site.git.create("app").await?;
    let project = json!({"name": "app", "source": source, "branch": BRANCH, "image": image.to_string()});
    site.order(order::PROJECT, project).await?;
    let definition = format!("FROM {}\nRUN echo app > /etc/app\n", site.registry.image("base/os:10.4.8")?);
    site.git.commit_and_push("app", &[("Dockerfile", &definition)], "A definition").await?;
    let ended = |fact: &Fact| (fact.kind == "plimsoll.build.finished").then(|| fact.clone());
    let built = site.facts.wait("the build to end", ended).await?;
    ensure!(built.text("outcome") == "published", "{}", built.text("message"));
    site.at("team/app", &site.client.resolve(&image).await?)
}

async fn ban(site: &Site, built: &ImageRef, derivative: &ImageRef) -> Result<()> {
    let body = json!({
        "image": site.registry.image("base/os:10.4.8")?.to_string(),
        "reason": "libfix lets anybody in",
        "replacement": site.registry.image("base/os:10.4.9")?.to_string(),
    });
    let ban = site.order(order::BANNED, body).await?;
    for image in [built, derivative] {
        site.answers(image, 1).await?;
    }
    let closed = |fact: &Fact| {
        (fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == ban).then(|| fact.clone())
    };
    let closed = site.facts.wait("the campaign to close", closed).await?;
    ensure!(closed.number("replaced") == 1, "one image has a source: {closed:?}");
    let tag = site.registry.image("team/app:1")?;
    let now = site.client.resolve(&tag).await?;
    ensure!(built.digest() != Some(&now), "{tag} still points at what is banned");
    site.answers(&tag, 0).await
}

/// Who answers `$SRV.INFO`: an operator hears every process, gates and agents included.
async fn all_are_listed(site: &Site) -> Result<()> {
    let expected: BTreeSet<String> = Role::ALL.map(|role| role.to_string()).into();
    let asker = format!("operator-{OPERATOR}");
    let asked = async || -> Result<()> {
        let listed = listed(site, &asker, expected.len()).await?;
        ensure!(listed == expected, "{asker} hears {listed:?}, not {expected:?}");
        Ok(())
    };
    eventually("every process to say who it is", STEP, asked).await
}

/// Asked once, heard from `count`.
async fn listed(site: &Site, asker: &str, count: usize) -> Result<BTreeSet<String>> {
    let mut wire = Wire::connect(site.broker.url(), &site.broker.seed(asker)).await?;
    wire.subscribe("_INBOX.who").await?;
    wire.publish("$SRV.INFO", "_INBOX.who", b"").await?;
    let mut listed = BTreeSet::new();
    while listed.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(2), wire.next()).await;
        let next = next.with_context(|| format!("{asker} hears only {listed:?}"))??;
        let said: Value = serde_json::from_slice(&next.body)?;
        let name = said.get("name").and_then(Value::as_str).context("an answer without a name")?;
        listed.insert(name.to_owned());
    }
    Ok(listed)
}

/// Every message of every stream is JSON that a person can read, and so is what was heard live.
async fn readable(site: &Site) -> Result<()> {
    let keys = site.broker.keys();
    let mut facts = site.facts.all();
    // A queue hands each message out once, to its consumer: what stood in it was heard live.
    let read_by_all = |stream: &StreamName| stream.spec().keep != Keep::UntilDone;
    for stream in StreamName::ALL.into_iter().filter(read_by_all) {
        let read = stored(site.broker.url(), &keys, stream);
        let read = tokio::time::timeout(STEP, read).await.with_context(|| format!("reading {stream}"))??;
        ensure!(!read.is_empty() || stream == StreamName::Nodes, "{stream} is empty");
        facts.extend(read);
    }
    for kind in ["plimsoll.base.banned", "plimsoll.work.build", "plimsoll.image.replaced"] {
        ensure!(facts.iter().any(|fact| fact.kind.starts_with(kind)), "there is no {kind}");
    }
    let unreadable = facts.iter().find(|fact| fact.body.as_object().is_none_or(|body| body.is_empty()));
    ensure!(unreadable.is_none(), "not readable: {unreadable:?}");
    Ok(())
}

/// With everything else dead, the gate goes on being right for the orders that it has.
async fn alone(site: Site) -> Result<()> {
    let new = site.client.resolve(&site.registry.image("team/app:1")?).await?;
    let derivative = site.client.resolve(&site.registry.image("misc/thing:7")?).await?;
    let refused = [site.at("misc/thing", &derivative)?, site.registry.image("misc/thing:7")?];
    let allowed = [
        site.at("team/app", &new)?,
        site.registry.image("team/app:1")?,
        site.registry.image("base/os:10.4.9")?,
    ];
    let Site { mut broker, registry, git, gate, others, health, facts, client } = site;
    drop((others, git));
    broker.process.kill()?;
    let mut site = Site {
        broker,
        registry,
        git: GitHost::start(None).await?,
        gate,
        others: Vec::new(),
        health,
        facts,
        client,
    };
    site.registry.kill()?;
    site.ready("503").await?;
    for image in &refused {
        let said = site.broker.check(NODE, image).await?;
        ensure!(said.code == Some(1) && said.stderr.contains("libfix"), "{image}: {said:?}");
    }
    for image in &allowed {
        let said = site.broker.check(NODE, image).await?;
        ensure!(said.code == Some(0), "{image}: {said:?}");
    }
    ensure!(site.gate.ended()?.is_none(), "the gate ended");
    let status = site.gate.terminate(STEP).await?;
    ensure!(status.code() == Some(0), "asked to end, the gate ends with {status}: {}", site.gate.log());
    Ok(())
}
