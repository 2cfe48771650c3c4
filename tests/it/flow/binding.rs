//! A worker and a scanner that answers about something else: nothing is built on a verdict about another definition, or about one that it does not name.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use anyhow::{Result, ensure};
use artifact::{BaseRole, Digest, ImageRef};
use bus::{Connection, rpc::Listed};
use events::{
    fact::{BuildJob, Lane},
    order,
    rpc::{ScanReply, ScanRequest, ScannedUse},
    topology::{Bucket, Role},
};
use serde_json::json;
use testkit::{
    foreign::{ForeignClient, Outcome},
    git::{BRANCH, GitHost},
    process::Process,
    registry::DockerRegistry,
    wait::eventually,
};
use tests::{
    apart::Broker,
    facts::{Fact, Facts},
    images,
    world::{OPERATOR, STEP},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const NODE: &str = "forge";
const BUILD: &str = "shop-1";

/// A worker alone with a broker, a registry and a git host; the test is planner, scanner and operator.
struct Forge {
    broker: Broker,
    worker: Process,
    registry: DockerRegistry,
    git: GitHost,
    facts: Facts,
    client: registry::Client,
    /// How often the scanner was asked.
    asked: Arc<AtomicUsize>,
    stop: CancellationToken,
    _listed: Listed,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_built_on_a_verdict_about_something_else() {
    let _machine = super::machine().await;
    let forge = Forge::start().await.unwrap();
    if let Err(error) = play(&forge).await {
        panic!("{error:#}\n{}", forge.worker.log());
    }
}

impl Forge {
    async fn start() -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let registry = DockerRegistry::start(None).await?;
        let git = GitHost::start(None).await?;
        let (asked, stop) = (Arc::new(AtomicUsize::new(0)), CancellationToken::new());
        let listed = scanner(&broker, &asked, &stop).await?;
        let folder = broker.folder().join("worker");
        // There is no invalidator that could issue heartbeats.
        let sections = format!(
            "[worker]\nfolder = \"{}\"\n[worker.freshness]\nmax_age_secs = 3600\n[worker.source]\nschemes = [\"git\"]\n",
            folder.display()
        );
        let worker = broker.start_role(Role::Worker, NODE, &sections)?;
        let facts = broker.listen().await?;
        let client = registry::Client::new(registry::Config::default())?;
        Ok(Self { broker, worker, registry, git, facts, client, asked, stop, _listed: listed })
    }
}

impl Drop for Forge {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn connect(broker: &Broker, role: Role) -> Result<Connection> {
    let (url, seed) = (broker.url().to_owned(), broker.seed(role.as_str()));
    let config = bus::Config { url, seed_file: Some(seed), node: String::new() };
    Ok(Connection::connect(&config, role.as_str(), STEP).await?)
}

/// Lets everything pass; it says first of nothing that it does, then of something else, and then of what it was asked.
async fn scanner(broker: &Broker, asked: &Arc<AtomicUsize>, stop: &CancellationToken) -> Result<Listed> {
    let listed =
        connect(broker, Role::Scanner).await?.list("scanner", "Answers about something else.").await?;
    let asked = Arc::clone(asked);
    let answer = move |question: ScanRequest| {
        let about = match asked.fetch_add(1, Ordering::SeqCst) {
            0 => None,
            1 => Some(Digest::of(b"FROM something/else:1\n")),
            _ => Some(Digest::of(question.definition.as_bytes())),
        };
        async move { Ok(reply(&question.definition, about)) }
    };
    listed.answer::<ScanRequest, _, _>(&TaskTracker::new(), stop, answer).await?;
    Ok(listed)
}

fn reply(definition: &str, definition_digest: Option<Digest>) -> ScanReply {
    let written = definition.trim_start_matches("FROM ").lines().next().unwrap_or_default().to_owned();
    let start = "FROM ".len() as u64;
    let image_use = ScannedUse {
        line: 1,
        role: BaseRole::Base,
        used: written.parse::<ImageRef>().ok(),
        choice: "keep".to_owned(),
        reason: String::new(),
        start,
        end: start + written.len() as u64,
        rule: "the test's".to_owned(),
        nearest: None,
        pin: false,
        trigger: String::new(),
        written,
    };
    ScanReply {
        refused: false,
        findings: Vec::new(),
        uses: vec![image_use],
        as_of: 1,
        definition_digest,
        catalog_revision: 1,
        policy_revision: 0,
    }
}

async fn play(forge: &Forge) -> Result<()> {
    let os = forge.registry.image("base/os:1")?;
    images::base("1")?.make()?.push(&forge.client, &os).await?;
    let (source, image) = (forge.git.create("shop").await?, forge.registry.image("team/shop:1")?);
    let project = json!({"name": "shop", "source": source, "branch": BRANCH, "image": image.to_string()});
    let operator = ForeignClient::new(forge.broker.url(), forge.broker.seed(&format!("operator-{OPERATOR}")));
    let subject = format!("{}.{OPERATOR}", order::PROJECT);
    let said = operator.publish(&subject, project.to_string().as_bytes()).await?;
    ensure!(matches!(said, Outcome::Stored { .. }), "{said:?}");
    let definition = format!("FROM {os}\nRUN echo shop > /shop\n");
    let commit = forge.git.commit_and_push("shop", &[("Dockerfile", &definition)], "A definition").await?;
    let planner = connect(&forge.broker, Role::Planner).await?;
    let intents = planner.entries(Bucket::Intents).await?;
    intents.create(&format!("build.{BUILD}"), commit.clone().into_bytes()).await?;
    let job = BuildJob {
        build: BUILD.to_owned(),
        project: "shop".parse()?,
        commit,
        ban: None,
        pushed: 0,
        attempt: 1,
        lane: Lane::Routine,
        waits_since: None,
    };
    planner.publish(job, BUILD).await?;
    eventually("the scanner to be asked again", STEP, async || -> Result<()> {
        let asked = forge.asked.load(Ordering::SeqCst);
        ensure!(asked >= 2, "asked {asked} times");
        Ok(())
    })
    .await?;
    // Between the second answer and the third question lie the seconds for which a worker rests.
    ensure!(
        forge.client.resolve(&image).await.is_err(),
        "it was published on a verdict about something else"
    );
    ensure!(forge.facts.of("plimsoll.build.finished").is_empty(), "it ended on one");
    ensure!(forge.facts.of("plimsoll.scan.finished").is_empty(), "such a verdict was told");
    let finished = |fact: &Fact| (fact.kind == "plimsoll.build.finished").then(|| fact.clone());
    let finished = forge.facts.wait("the build to end", finished).await?;
    ensure!(finished.text("outcome") == "published", "{}", finished.text("message"));
    ensure!(forge.asked.load(Ordering::SeqCst) == 3, "one true answer is enough");
    Ok(())
}
