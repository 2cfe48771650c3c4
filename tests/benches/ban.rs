//! How soon a ban holds: from a plain client's publish to the refusal of an image made by hand, at the slowest of three gates.
//!
//! Beside it, in the same rounds, its floor: from the same publish to a plain reader of the nodes' mirror of ORDERS, which is as soon
//! as any gate can know. Each gate is asked without a pause but for a millisecond, and the answer counts when it has arrived; so the
//! figures contain the asking. Debug and release builds differ: take the figures from `just bench ban`.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use artifact::ImageRef;
use events::{order, topology::Role};
use serde_json::{Value, json};
use testkit::{
    image::{ImageRecipe, LayerRecipe},
    process::{Process, free_port},
    registry::DockerRegistry,
    wait::eventually,
};
use tests::{
    apart::{Broker, bases, enforcing, notify, watcher},
    asking::Gate,
    facts::{Fact, Facts},
    images,
    wire::Wire,
    world::{OPERATOR, STEP},
};
use tokio::{
    net::TcpStream,
    sync::Barrier,
    task::JoinSet,
    time::{interval, timeout},
};

const NODES: [&str; 3] = ["port", "starboard", "stern"];
const ROUNDS: usize = 50;
const SECRET: &str = "a-secret";
/// Between two questions to one gate: three loops without any pause would measure each other on a small machine.
const PAUSE: Duration = Duration::from_millis(1);

struct Site {
    broker: Broker,
    registry: DockerRegistry,
    facts: Facts,
    _roles: Vec<Process>,
}

/// One round's times from the publish.
struct Round {
    refused: Duration,
    mirrored: Duration,
}

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::start().await?;
    let derivative = site.prepare().await?;
    let mut person = site.broker.wire().await?;
    person.subscribe("_INBOX.>").await?;
    let mut mirror = Mirror::open(&site.broker).await?;
    let base = site.registry.image("base/os:10.4.8")?.to_string();
    let ban = json!({"image": base, "reason": "libfix lets anybody in", "severity": "high"}).to_string();
    let lift = json!({"image": base, "reason": "the next round"}).to_string();
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let (round, kept) = site.ban(&mut person, mirror, &ban, &derivative).await?;
        mirror = kept;
        rounds.push(round);
        site.lift(&mut person, &lift, &derivative).await?;
    }
    report(&rounds);
    Ok(())
}

impl Site {
    async fn start() -> Result<Self> {
        let broker = Broker::start(&NODES).await?;
        let port = free_port()?;
        let registry = DockerRegistry::start(Some(notify(port, SECRET))).await?;
        let index = broker.folder().join("invalidator");
        let index = format!("[invalidator]\nfolder = \"{}\"\n", index.display());
        let mut roles = vec![
            broker.start_role(Role::Watcher, "", &watcher(port, registry.host(), SECRET))?,
            broker.start_role(Role::Invalidator, "", &index)?,
        ];
        for node in NODES {
            let socket = format!("[gate]\nsocket = \"{}\"\n", broker.gate(node).display());
            roles.push(broker.start_role(Role::Gate, node, &socket)?);
        }
        let facts = broker.listen().await?;
        eventually("the watcher to listen", STEP, async || TcpStream::connect(("127.0.0.1", port)).await)
            .await?;
        Ok(Self { broker, registry, facts, _roles: roles })
    }

    /// A catalogued base, indexed, and an image on it that somebody made by hand; by digest, as a node has it.
    async fn prepare(&self) -> Result<ImageRef> {
        let client = registry::Client::new(registry::Config::default())?;
        let base = images::base("10.4.8")?;
        base.make()?.push(&client, &self.registry.image("base/os:10.4.8")?).await?;
        let repository = self.registry.repository("base/os")?.to_string();
        for body in [bases(&repository, "10.4.8", &[]), enforcing()] {
            self.broker.order(&self.facts, order::CATALOG, &body).await?;
        }
        let indexed = |fact: &Fact| (fact.kind == "plimsoll.base.indexed").then_some(());
        self.facts.wait("the base to be indexed", indexed).await?;
        let made = ImageRecipe::on(&base).layer(LayerRecipe::new().file("thing", "made by hand\n")).make()?;
        let digest = made.push(&client, &self.registry.image("misc/thing:7")?).await?;
        let heard = |fact: &Fact| {
            (fact.kind == "plimsoll.image.pushed" && fact.text("digest") == digest.as_str()).then_some(())
        };
        self.facts.wait("the push by hand to be heard of", heard).await?;
        Ok(self.registry.repository("misc/thing")?.at_digest(digest))
    }

    async fn ban(
        &self,
        person: &mut Wire,
        mut mirror: Mirror,
        body: &str,
        image: &ImageRef,
    ) -> Result<(Round, Mirror)> {
        let mut gates = JoinSet::new();
        let asking = Arc::new(Barrier::new(NODES.len() + 1));
        for node in NODES {
            let (mut gate, image) = (Gate::connect(&self.broker.gate(node)).await?, image.to_string());
            let asking = asking.clone();
            gates.spawn(async move {
                ensure!(gate.check(&image).await? == "allow", "{image} is refused before the ban");
                asking.wait().await;
                until(&mut gate, &image, "refuse").await?;
                Ok(Instant::now())
            });
        }
        let mut told = JoinSet::new();
        mirror.ask().await?;
        told.spawn(mirror.told());
        timeout(STEP, asking.wait()).await.context("a gate does not answer")?;
        let published = Instant::now();
        person.publish(&format!("{}.{OPERATOR}", order::BANNED), "_INBOX.ban", body.as_bytes()).await?;
        let mut refused = Duration::ZERO;
        while let Some(at) = timeout(STEP, gates.join_next()).await.context("a gate does not refuse")? {
            refused = refused.max(at??.duration_since(published));
        }
        let told = timeout(STEP, told.join_next()).await?.context("the mirror's reader is gone")?;
        let (at, mirror) = told??;
        let ban = stored(person).await?;
        let opened = |fact: &Fact| {
            (fact.kind == "plimsoll.campaign.opened" && fact.number("ban") == ban).then_some(())
        };
        self.facts.wait("the campaign to open", opened).await?;
        Ok((Round { refused, mirrored: at.duration_since(published) }, mirror))
    }

    async fn lift(&self, person: &mut Wire, body: &str, image: &ImageRef) -> Result<()> {
        person.publish(&format!("{}.{OPERATOR}", order::LIFTED), "_INBOX.lift", body.as_bytes()).await?;
        let lift = stored(person).await?;
        let accepted = |fact: &Fact| {
            (fact.kind == "plimsoll.order.accepted" && fact.number("order") == lift).then_some(())
        };
        self.facts.wait("the lift to be accepted", accepted).await?;
        for node in NODES {
            let mut gate = Gate::connect(&self.broker.gate(node)).await?;
            until(&mut gate, &image.to_string(), "allow").await?;
        }
        Ok(())
    }
}

/// The sequence in the stream's acknowledgement.
async fn stored(person: &mut Wire) -> Result<u64> {
    let said: Value =
        serde_json::from_slice(&person.next().await.context("waiting for the acknowledgement")?.body)?;
    said.get("seq").and_then(Value::as_u64).with_context(|| format!("the order was not stored: {said}"))
}

async fn until(gate: &mut Gate, image: &str, decision: &str) -> Result<()> {
    let deadline = Instant::now() + STEP;
    let mut ticks = interval(PAUSE);
    while gate.check(image).await? != decision {
        ensure!(Instant::now() < deadline, "the gate never says {decision}");
        ticks.tick().await;
    }
    Ok(())
}

/// A reader of bans in the nodes' account.
struct Mirror {
    wire: Wire,
    consumer: String,
}

impl Mirror {
    async fn open(broker: &Broker) -> Result<Self> {
        let mut wire = Wire::connect(broker.url(), &broker.seed("provision-node")).await?;
        wire.subscribe("_INBOX.mirror").await?;
        let config = json!({
            "deliver_policy": "new", "ack_policy": "none", "filter_subject": format!("{}.>", order::BANNED),
            // Longer than all rounds: nobody renews it.
            "inactive_threshold": STEP.as_nanos() as u64 * 10,
        });
        let made = json!({"stream_name": "ORDERS", "config": config}).to_string();
        wire.publish("$JS.API.CONSUMER.CREATE.ORDERS", "_INBOX.mirror", made.as_bytes()).await?;
        let made: Value = serde_json::from_slice(&wire.next().await?.body)?;
        let name = made.get("name").and_then(Value::as_str);
        let consumer = name.with_context(|| format!("the mirror takes no reader: {made}"))?.to_owned();
        Ok(Self { wire, consumer })
    }

    /// Asks for the next ban, before there is one.
    async fn ask(&mut self) -> Result<()> {
        let subject = format!("$JS.API.CONSUMER.MSG.NEXT.ORDERS.{}", self.consumer);
        let request = json!({"batch": 1, "expires": STEP.as_nanos() as u64}).to_string();
        self.wire.publish(&subject, "_INBOX.mirror", request.as_bytes()).await
    }

    /// When the ban that was asked for has arrived.
    async fn told(mut self) -> Result<(Instant, Self)> {
        let message = self.wire.next().await.context("listening to the mirror")?;
        let told = Instant::now();
        ensure!(!message.body.is_empty(), "the mirror told of no ban");
        Ok((told, self))
    }
}

#[expect(clippy::print_stdout, reason = "a benchmark's figures are its result")]
fn report(rounds: &[Round]) {
    let sorted = |time: fn(&Round) -> Duration| {
        let mut times: Vec<f64> = rounds.iter().map(|round| time(round).as_secs_f64() * 1000.0).collect();
        times.sort_by(f64::total_cmp);
        times
    };
    let (refused, mirrored) = (sorted(|round| round.refused), sorted(|round| round.mirrored));
    println!("{} bans, ms from a plain publish:           p50     p99     max", rounds.len());
    for (what, times) in [
        ("refused at the slowest of three gates", &refused),
        ("told to a plain reader of the mirror", &mirrored),
    ] {
        let (p50, p99, max) = (rank(times, 50), rank(times, 99), rank(times, 100));
        println!("{what:<40} {p50:>7.1} {p99:>7.1} {max:>7.1}");
    }
    let (p50, p99) = (rank(&refused, 50) / rank(&mirrored, 50), rank(&refused, 99) / rank(&mirrored, 99));
    println!("{:<40} {p50:>7.2} {p99:>7.2}", "ratio");
}

/// The nearest rank of an ascending list.
fn rank(times: &[f64], percent: usize) -> f64 {
    let place = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(place).copied().unwrap_or(f64::NAN)
}
