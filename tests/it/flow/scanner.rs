//! A scanner alone with a broker, at the edges of what it can do: more than a message holds, orders that it cannot read, and definitions that cannot be
//! scanned. It says so, and goes on with everything else.

mod scripts;

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, process::Command, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use artifact::Digest;
use bus::Connection;
use events::{
    Body as _,
    fact::ScanFinished,
    order,
    resolution::OrderAccepted,
    rpc::{KnownDefinition, ScanReply, ScanRequest},
    topology::{Bucket, Role, StreamName},
};
use proto::v1::{self as wire, scanner_client::ScannerClient};
use serde_json::{Value, json};
use testkit::{
    foreign::{ForeignClient, Outcome},
    process::{Process, free_port},
    wait::eventually,
};
use tests::{
    apart::{Broker, bases, enforcing},
    facts::{Fact, stored},
    wire::Wire,
    world::{OPERATOR, STEP, program},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const NODE: &str = "desk";

/// A scanner, and the voices of an operator, a worker and an invalidator.
struct Desk {
    broker: Broker,
    scanner: Process,
    /// The scanner's own copy of its program.
    program: std::path::PathBuf,
    health: u16,
    grpc: u16,
    worker: Connection,
    invalidator: Connection,
}

impl Desk {
    async fn start() -> Result<Self> {
        Self::start_with(|_, _| Ok(())).await
    }

    /// Also with what else the scanner is given, made in the desk's folder.
    async fn start_with(given: impl FnOnce(&mut Command, &Path) -> Result<()>) -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let (health, grpc) = (free_port()?, free_port()?);
        let file = broker.folder().join("scanner.toml");
        let seed = broker.seed(Role::Scanner.as_str());
        let text = format!(
            "[nats]\nurl = \"{}\"\nseed_file = \"{}\"\n[scanner]\ngrpc_listen = \"127.0.0.1:{grpc}\"\n[health]\nlisten = \"127.0.0.1:{health}\"\n",
            broker.url(),
            seed.display()
        );
        fs::write(&file, text)?;
        let own = broker.folder().join("scanner");
        fs::copy(program("scanner"), &own)?;
        let mut command = Command::new(&own);
        command.arg("--config").arg(&file);
        // What is kept for other scanners is not for this one.
        command.env("XDG_CACHE_HOME", broker.folder().join("cache"));
        given(&mut command, broker.folder())?;
        let scanner = Process::start("scanner", command)?;
        let connect = async |role: Role| {
            let (url, seed) = (broker.url().to_owned(), broker.seed(role.as_str()));
            let config = bus::Config { url, seed_file: Some(seed), node: String::new() };
            Connection::connect(&config, role.as_str(), STEP).await
        };
        let (worker, invalidator) = (connect(Role::Worker).await?, connect(Role::Invalidator).await?);
        let desk = Self { broker, scanner, program: own, health, grpc, worker, invalidator };
        desk.health("200").await?;
        Ok(desk)
    }

    /// An order that is accepted, whatever it says.
    async fn order(&self, kind: &str, body: &Value) -> Result<u64> {
        let client = ForeignClient::new(self.broker.url(), self.broker.seed(&format!("operator-{OPERATOR}")));
        let said = client.publish(&format!("{kind}.{OPERATOR}"), body.to_string().as_bytes()).await?;
        let Outcome::Stored { sequence, .. } = said else { bail!("not stored: {said:?}") };
        let operator = OPERATOR.parse()?;
        let accepted = OrderAccepted {
            order: verdict::Sequence(sequence),
            operator,
            kind: kind.to_owned(),
            changed: true,
        };
        self.invalidator.publish(accepted, &sequence.to_string()).await?;
        Ok(sequence)
    }

    async fn scan(&self, definition: &str) -> Result<ScanReply, bus::Error> {
        let request = ScanRequest { definition: definition.to_owned(), ..ScanRequest::default() };
        self.worker.ask(request, STEP).await
    }

    /// Waits until `/readyz` begins with `status`; the rest of the answer.
    async fn health(&self, status: &str) -> Result<String> {
        eventually(format_args!("readiness {status}"), STEP, async || -> Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", self.health)).await?;
            stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            ensure!(answer.starts_with(&format!("HTTP/1.0 {status}")), "{answer}");
            Ok(answer)
        })
        .await
    }

    /// What the scanner says of itself to an operator.
    async fn listed(&self, verb: &str) -> Result<String> {
        let mut wire =
            Wire::connect(self.broker.url(), &self.broker.seed(&format!("operator-{OPERATOR}"))).await?;
        wire.subscribe("_INBOX.who").await?;
        wire.publish(&format!("$SRV.{verb}.scanner"), "_INBOX.who", b"").await?;
        Ok(String::from_utf8(wire.next().await?.body)?)
    }

    /// Fails with the log.
    #[track_caller]
    fn tell(&self, played: Result<()>) {
        if let Err(error) = played {
            panic!("{error:#}\n{}", self.scanner.log());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_a_message_holds_is_told_by_its_size() {
    let _machine = super::machine().await;
    let desk = Desk::start().await.unwrap();
    desk.tell(sizes(&desk).await);
}

async fn sizes(desk: &Desk) -> Result<()> {
    // So many findings that no message would hold them; the errors are all told.
    let sloppy = format!("FROM a:1\n{}RUN sudo true\n", "RUN cd /tmp && apt install x\n".repeat(20_000));
    let reply = desk.scan(&sloppy).await?;
    let [.., before, last] = reply.findings.as_slice() else { bail!("{:?}", reply.findings) };
    ensure!(last.code == "PL4002" && last.message.contains("findings more"), "{last:?}");
    ensure!(before.line == 20_002 || reply.findings.iter().any(|found| found.code == "DL3004"), "{before:?}");
    ensure!(reply.clone().encode().len() < 64 << 10, "a fact of it is not small");
    // A use cannot be left out: where not all of them can be told, nothing is.
    let greedy = "FROM a-name-of-some-length.example/and/more:1\n".repeat(10_000);
    let error = desk.scan(&greedy).await.err().context("all that in one message")?;
    ensure!(!error.is_retryable() && error.to_string().contains("the broker takes"), "{error}");
    let long = "#".repeat(2 << 20);
    let error = desk.scan(&long).await.err().context("all that in one message")?;
    ensure!(!error.is_retryable() && error.to_string().contains("the broker takes"), "{error}");
    let mut client = ScannerClient::connect(format!("http://127.0.0.1:{}", desk.grpc)).await?;
    for (definition, parts) in [
        (long, ["2097152", "1048576"]),
        ("#".repeat(5 << 20), ["5242", "4194304"]),
        ("FROM a.b/c:1\n".repeat(70_000), ["too large", "4194304"]),
    ] {
        let request = wire::ScanRequest { definition, ..wire::ScanRequest::default() };
        let status = client.scan(request).await.err().with_context(|| format!("no {parts:?}"))?;
        for part in parts {
            ensure!(status.message().contains(part), "{part} is missing in: {status}");
        }
    }
    let request = wire::ScanRequest { definition: sloppy, ..wire::ScanRequest::default() };
    ensure!(client.scan(request).await?.into_inner().findings.len() == reply.findings.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_cannot_read_an_order_lets_nothing_pass() {
    let _machine = super::machine().await;
    let mut desk = Desk::start().await.unwrap();
    let played = behind(&mut desk).await;
    desk.tell(played);
}

async fn behind(desk: &mut Desk) -> Result<()> {
    const GOOD: &str = "FROM reg.example/os:1\nUSER 1000\n";
    desk.order(order::CATALOG, &bases("reg.example/os", "1", &[])).await?;
    desk.order(order::CATALOG, &enforcing()).await?;
    eventually("the catalog to hold", STEP, async || -> Result<()> {
        let reply = desk.scan(GOOD).await?;
        ensure!(!reply.refused && reply.as_of == 2, "{reply:?}");
        Ok(())
    })
    .await?;
    ensure!(
        !desk.listed("INFO").await?.contains("behind") && !desk.listed("STATS").await?.contains("behind")
    );
    desk.order(order::CATALOG, &json!({"section": "newer", "newer": ["than this scanner"]})).await?;
    let answer = desk.health("503").await?;
    ensure!(answer.contains("behind") && answer.contains("update"), "{answer}");
    let reply = desk.scan(GOOD).await?;
    let said = reply.findings.iter().find(|finding| finding.code == "PL4001").context("it says nothing")?;
    ensure!(reply.refused && said.level == "error", "{reply:?}");
    ensure!(desk.listed("STATS").await?.contains("behind"), "its condition is not shown");
    // Started anew it knows from the beginning.
    desk.scanner.kill()?;
    desk.scanner.restart()?;
    desk.health("503").await?;
    eventually("the scanner to answer", STEP, async || desk.scan(GOOD).await).await?;
    ensure!(desk.scan(GOOD).await?.refused && desk.listed("INFO").await?.contains("behind"));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_scanned_holds_up_nothing_else() {
    let _machine = super::machine().await;
    let desk = Desk::start().await.unwrap();
    desk.tell(held_up(&desk).await);
}

async fn held_up(desk: &Desk) -> Result<()> {
    let good: Vec<String> = (0..8).map(|number| format!("good-{number}")).collect();
    let bad: Vec<String> = (0..3).map(|number| format!("bad-{number}")).collect();
    for name in good.iter().chain(&bad) {
        known(desk, name).await?;
    }
    // Findings past all bounds make no fact past all bounds.
    let long = "long ".repeat(600);
    let text = format!(
        "package main\nimport rego.v1\nwarn contains sprintf(\"%d {long}\", [n]) if some n in numbers.range(1, 400)\n"
    );
    let policy =
        json!({"name": "chatty", "modules": [{"file": "p.rego", "text": text}], "projects": ["bad-*"]});
    // Nobody can be asked about the bad ones: no process of that program can be started.
    executable(&desk.program, 0o600)?;
    desk.order(order::POLICY, &policy).await?;
    again(desk, &good).await.context("while others cannot be scanned")?;
    ensure!(scans(desk).await?.iter().all(|fact| !bad.iter().any(|name| fact.text("project") == name)));
    executable(&desk.program, 0o700)?;
    again(desk, &bad).await.context("once they can be scanned")?;
    let facts = scans(desk).await?;
    let fact = facts.iter().find(|fact| fact.text("project") == "bad-0").context("no fact")?;
    ensure!(fact.body.to_string().contains("PL4002") && fact.body.to_string().len() < 64 << 10);
    Ok(())
}

fn executable(program: &Path, mode: u32) -> Result<()> {
    Ok(fs::set_permissions(program, fs::Permissions::from_mode(mode))?)
}

/// A project, and what a worker leaves of its build.
async fn known(desk: &Desk, name: &str) -> Result<()> {
    let definition = format!("FROM reg.example/{name}:1\nUSER 1000\n");
    let image = format!("reg.example/team/{name}:1");
    desk.order(order::PROJECT, &json!({"name": name, "source": "https://git.example/x.git", "image": image}))
        .await?;
    let (project, digest) = (name.parse()?, Digest::of(definition.as_bytes()));
    let request = ScanRequest { definition, project: Some(name.parse()?), ..ScanRequest::default() };
    let known = KnownDefinition { commit: "c".to_owned(), request: Box::new(request), pushed: 0 };
    desk.worker.entries(Bucket::Definitions).await?.put(name, known.encode()).await?;
    let fact = ScanFinished {
        build: format!("{name}@1"),
        project,
        commit: "c".to_owned(),
        definition_digest: digest,
        refused: false,
        findings: Vec::new(),
        catalog_revision: 0,
        policy_revision: 0,
        became_refused: false,
    };
    desk.worker.publish(fact, "a build").await?;
    Ok(())
}

/// The facts of scans that no build asked for.
async fn scans(desk: &Desk) -> Result<Vec<Fact>> {
    let mut facts = stored(desk.broker.url(), &desk.broker.keys(), StreamName::Builds).await?;
    facts.retain(|fact| fact.kind == "plimsoll.scan.finished" && fact.text("build").is_empty());
    Ok(facts)
}

/// Waits until each of the projects was scanned again.
async fn again(desk: &Desk, names: &[String]) -> Result<()> {
    eventually(
        format_args!("{names:?} to be scanned again"),
        Duration::from_secs(90),
        async || -> Result<()> {
            let scans = scans(desk).await?;
            let missing: Vec<_> = names
                .iter()
                .filter(|name| !scans.iter().any(|fact| fact.text("project") == **name))
                .collect();
            ensure!(missing.is_empty(), "{missing:?} were not");
            Ok(())
        },
    )
    .await
}
