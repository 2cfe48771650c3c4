//! RESOLUTIONS without room: what bans cover as well is not published, and orders are answered all the same; without room for answers, they are
//! answered as soon as there is room. No restart is needed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use artifact::ImageRef;
use events::{order, topology::Role};
use serde_json::{Value, json};
use testkit::{
    foreign::{ForeignClient, Outcome},
    process::Process,
    wait::eventually,
};
use tests::{
    announced::{Announcer, by_digest, copied, layer, pushed},
    apart::{Broker, enforcing},
    asking::Gate,
    facts::Facts,
    pipeline::RECOVERY,
    wire::Wire,
    world::{OPERATOR, STEP},
};

const NODE: &str = "lock";
const TOOL: &str = "reg.test/tool:1";
/// What RESOLUTIONS may hold beside what it holds at the beginning: some dozens of covered images.
const ROOM_BYTES: u64 = 60_000;
const PERCENT: u64 = 90;
/// Images that copy from one that is banned.
const COPIES: usize = 100;
/// What one of them may take: a layer chain and two digests with their roles, and a message around them.
const COPY_BYTES: u64 = 1_500;
/// How long an answer may take while there is room for answers.
const PROMPTLY: Duration = Duration::from_secs(5);

struct Site {
    broker: Broker,
    invalidator: Process,
    _gate: Process,
    facts: Facts,
    /// As the bootstrap step of the account that has RESOLUTIONS.
    owner: Wire,
    watcher: Announcer,
    worker: Announcer,
    announced: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_room_in_resolutions_orders_are_answered_and_bans_are_pending() {
    let _machine = super::machine().await;
    let mut site = Site::start().await.unwrap();
    if let Err(error) = nearly_full(&mut site).await {
        panic!("{error:#}\n{}", site.invalidator.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_found_no_room_for_an_answer_are_answered_when_there_is_room() {
    let _machine = super::machine().await;
    let mut site = Site::start().await.unwrap();
    if let Err(error) = full(&mut site).await {
        panic!("{error:#}\n{}", site.invalidator.log());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_ban_covers_takes_a_message_an_image_at_most() {
    let _machine = super::machine().await;
    let mut site = Site::start().await.unwrap();
    if let Err(error) = proportional(&mut site).await {
        panic!("{error:#}\n{}", site.invalidator.log());
    }
}

async fn proportional(site: &mut Site) -> Result<()> {
    let ban = site.ban(TOOL).await?;
    site.is("the ban to be active", ban, "active").await?;
    let (messages, bytes) = (site.stored("messages").await?, site.used().await?);
    site.announce(COPIES).await?;
    let (messages, bytes) = (site.stored("messages").await? - messages, site.used().await? - bytes);
    let copies = u64::try_from(COPIES)?;
    ensure!((1..=copies).contains(&messages), "{COPIES} images took {messages} messages");
    ensure!(bytes <= copies * COPY_BYTES, "{COPIES} images took {bytes} bytes");
    Ok(())
}

async fn nearly_full(site: &mut Site) -> Result<()> {
    let ban = site.ban(TOOL).await?;
    site.is("the ban to be active", ban, "active").await?;
    let limit = site.used().await? + ROOM_BYTES;
    site.limit(limit).await?;
    // Each covered image is written to RESOLUTIONS, until there is room for answers alone.
    while site.used().await? * 100 <= limit * PERCENT {
        site.announce(5).await?;
        ensure!(site.announced < 2_000, "2,000 covered images fill no {ROOM_BYTES} bytes");
    }
    site.shows("the lack of room to be shown", true).await?;
    site.announce(3).await?;
    site.is("a ban of more than there is room for to be pending", ban, "pending").await?;
    let full = site.used().await?;
    ensure!(full <= limit, "{full} of {limit} bytes");
    let mut gate = Gate::connect(&site.broker.gate(NODE)).await?;
    let untold = by_digest(&site.derivative(site.announced - 1)?).to_string();
    let refused = async |gate: &mut Gate| anyhow::Ok(gate.check(&untold).await? == "refuse");
    ensure!(refused(&mut gate).await?, "an image of a pending critical ban is allowed");

    for (body, accepted) in [(banned("reg.test/other:1"), true), (remedied("reg.test/third:1"), false)] {
        let given = Instant::now();
        let order = site.order(&body).await?;
        ensure!(site.answer(order).await? == accepted, "{body}");
        ensure!(given.elapsed() < PROMPTLY, "{body} was answered after {:?}", given.elapsed());
    }
    ensure!(refused(&mut gate).await?, "an image of a pending critical ban is allowed");

    site.limit(limit * 4).await?;
    site.is("the ban to be active again", ban, "active").await?;
    site.shows("the lack of room to be over", false).await?;
    ensure!(refused(&mut gate).await?, "what was published late is allowed");
    Ok(())
}

async fn full(site: &mut Site) -> Result<()> {
    let ban = site.ban(TOOL).await?;
    site.is("the ban to be active", ban, "active").await?;
    let used = site.used().await?;
    site.limit(used).await?;
    let orders = [
        (site.order(&banned("reg.test/other:1")).await?, true),
        (site.order(&remedied("reg.test/third:1")).await?, false),
    ];
    // It says what is wrong, and goes on answering questions.
    site.shows("the lack of room to be shown", true).await?;
    site.is("the ban to be known", ban, "active").await?;
    ensure!(site.used().await? == used, "something was stored in a full stream");
    site.limit(used + ROOM_BYTES).await?;
    let freed = Instant::now();
    for (order, accepted) in orders {
        ensure!(site.answer(order).await? == accepted, "order {order}");
    }
    ensure!(freed.elapsed() < RECOVERY, "orders were answered {:?} after there was room", freed.elapsed());
    site.shows("the lack of room to be over", false).await?;
    ensure!(site.invalidator.ended()?.is_none(), "the invalidator ended");
    Ok(())
}

fn banned(image: &str) -> Value {
    json!({"image": image, "reason": "a leak", "severity": "critical"})
}

/// A ban that is rejected.
fn remedied(image: &str) -> Value {
    json!({"image": image, "reason": "a leak", "remedy": "nope"})
}

impl Site {
    async fn start() -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let folder =
            format!("[invalidator]\nfolder = \"{}\"\n", broker.folder().join("invalidator").display());
        let invalidator = broker.start_role(Role::Invalidator, "", &folder)?;
        let socket = format!("[gate]\nsocket = \"{}\"\n", broker.gate(NODE).display());
        let gate = broker.start_role(Role::Gate, NODE, &socket)?;
        let facts = broker.listen().await?;
        let mut owner = Wire::connect(broker.url(), &broker.seed("provision-ruling")).await?;
        owner.subscribe("_INBOX.owner").await?;
        let watcher = Announcer::connect(&broker, Role::Watcher).await?;
        let worker = Announcer::connect(&broker, Role::Worker).await?;
        broker.order(&facts, order::CATALOG, &enforcing()).await?;
        watcher.publish([pushed(&TOOL.parse()?, vec![layer("tool")])], "first").await?;
        Ok(Self { broker, invalidator, _gate: gate, facts, owner, watcher, worker, announced: 0 })
    }

    /// Gives a ban; its sequence.
    async fn order(&self, body: &Value) -> Result<u64> {
        let seed = self.broker.seed(&format!("operator-{OPERATOR}"));
        let client = ForeignClient::new(self.broker.url(), seed);
        let subject = format!("{}.{OPERATOR}", order::BANNED);
        match client.publish(&subject, body.to_string().as_bytes()).await? {
            Outcome::Stored { sequence, .. } => Ok(sequence),
            other => anyhow::bail!("{body} was not stored: {other:?}"),
        }
    }

    /// Bans an image critically; the order's sequence.
    async fn ban(&self, image: &str) -> Result<u64> {
        let order = self.order(&banned(image)).await?;
        ensure!(self.answer(order).await?, "the ban is rejected");
        Ok(order)
    }

    /// Waits for the answer to an order: whether it is accepted.
    async fn answer(&self, order: u64) -> Result<bool> {
        let answer = |fact: &tests::facts::Fact| match fact.kind.as_str() {
            "plimsoll.order.accepted" if fact.number("order") == order => Some(true),
            "plimsoll.order.rejected" if fact.number("order") == order => Some(false),
            _ => None,
        };
        self.facts.wait(&format!("order {order} to be answered"), answer).await
    }

    fn derivative(&self, number: usize) -> Result<ImageRef> {
        Ok(format!("reg.test/shop/app-{number}:1").parse()?)
    }

    /// Announces images that copy from the tool, and waits until they are named as covered.
    async fn announce(&mut self, count: usize) -> Result<()> {
        let (tool, cause) = (TOOL.parse()?, format!("{} images", self.announced));
        for number in self.announced..self.announced + count {
            let image = self.derivative(number)?;
            self.worker.publish([copied(&image, std::slice::from_ref(&tool))?], &cause).await?;
            self.watcher.publish([pushed(&image, vec![layer(&image.to_string())])], &cause).await?;
        }
        self.announced += count;
        let all = self.announced + 1;
        eventually("the images to be named as covered", STEP, async || {
            let named = self.facts.of("plimsoll.image.invalidated").len();
            ensure!(named >= all, "{named} of {all}");
            Ok(())
        })
        .await
    }

    /// Waits until `plimsoll status` has a ban in this state.
    async fn is(&self, what: &str, ban: u64, state: &str) -> Result<()> {
        eventually(what, RECOVERY, async || {
            let status = self.broker.plimsoll(&["status"]).await?;
            let line = status.stdout.lines().find(|line| line.starts_with(&format!("ban {ban} of")));
            let line = line.with_context(|| format!("{}{}", status.stdout, status.stderr))?;
            ensure!(line.contains(state), "{line}");
            Ok(())
        })
        .await
    }

    /// Waits until `plimsoll status` says that RESOLUTIONS lacks room, or no longer does.
    async fn shows(&self, what: &str, lacks: bool) -> Result<()> {
        eventually(what, RECOVERY, async || {
            let status = self.broker.plimsoll(&["status"]).await?;
            let said = |line: &str| line.starts_with("condition of invalidator: RESOLUTIONS has no room");
            ensure!(status.stdout.lines().any(said) == lacks, "{}{}", status.stdout, status.stderr);
            Ok(())
        })
        .await
    }

    async fn ask(&mut self, subject: &str, body: &str) -> Result<Value> {
        self.owner.publish(&format!("$JS.API.STREAM.{subject}"), "_INBOX.owner", body.as_bytes()).await?;
        let answer: Value = serde_json::from_slice(&self.owner.next().await?.body)?;
        ensure!(answer.get("error").is_none(), "{subject}: {answer}");
        Ok(answer)
    }

    /// How many bytes RESOLUTIONS holds.
    async fn used(&mut self) -> Result<u64> {
        self.stored("bytes").await
    }

    async fn stored(&mut self, what: &str) -> Result<u64> {
        let answer = self.ask("INFO.RESOLUTIONS", "").await?;
        answer.pointer(&format!("/state/{what}")).and_then(Value::as_u64).context("no number")
    }

    /// Has RESOLUTIONS hold no more than this.
    async fn limit(&mut self, bytes: u64) -> Result<()> {
        let mut answer = self.ask("INFO.RESOLUTIONS", "").await?;
        let mut config = answer.pointer_mut("/config").context("no configuration")?.take();
        *config.pointer_mut("/max_bytes").context("no limit")? = json!(bytes);
        self.ask("UPDATE.RESOLUTIONS", &config.to_string()).await.map(drop)
    }
}
