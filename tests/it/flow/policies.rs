//! Organisation policies from the order on, with the invalidator and scanners as processes of their own: what is taken, what is turned down and why.

mod again;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use events::{order, rpc::ScanRequest, topology::Role};
use serde_json::{Value, json};
use testkit::{
    command::{Finished, run},
    foreign::{ForeignClient, Outcome},
    process::Process,
    wait::eventually,
};
use tests::{
    apart::Broker,
    facts::{Fact, Facts},
    world::{OPERATOR, STEP, plimsoll},
};

const NODE: &str = "quay";

/// What an organisation would publish: one rule that denies, one that warns, and data.
const REGISTRIES: &str = r#"package main
import rego.v1
deny_registry contains {"msg": sprintf("%s is not ours", [image]), "_index": i} if {
	some i, command in input
	command.Cmd == "from"
	image := command.Value[0]
	not startswith(image, data.registry)
}
warn_latest contains msg if {
	some command in input
	command.Cmd == "from"
	endswith(command.Value[0], ":latest")
	msg := "latest is no version"
}
"#;

struct Quay {
    broker: Broker,
    roles: Vec<Process>,
    facts: Facts,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_is_an_order_like_any_other() {
    let _machine = super::machine().await;
    let quay = Quay::start(&[Role::Invalidator]).await.unwrap();
    quay.tell(ordered(&quay).await);
}

impl Quay {
    async fn start(roles: &[Role]) -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let mut started = Vec::new();
        for role in roles {
            let folder = broker.folder().join(role.as_str());
            let section = match role {
                Role::Invalidator | Role::Notifier => {
                    format!("[{role}]\nfolder = \"{}\"\n", folder.display())
                }
                _ => String::new(),
            };
            started.push(broker.start_role(*role, NODE, &section)?);
        }
        let facts = broker.listen().await?;
        Ok(Self { broker, roles: started, facts })
    }

    /// Fails with the logs.
    #[track_caller]
    fn tell(&self, played: Result<()>) {
        if let Err(error) = played {
            let logs: String = self.roles.iter().map(Process::log).collect();
            panic!("{error:#}\n{logs}");
        }
    }

    /// Publishes an order by a client that is not ours; what the invalidator says of it.
    async fn give(&self, kind: &str, body: &Value) -> Result<Fact> {
        let client = ForeignClient::new(self.broker.url(), self.broker.seed(&format!("operator-{OPERATOR}")));
        let said = client.publish(&format!("{kind}.{OPERATOR}"), body.to_string().as_bytes()).await?;
        let Outcome::Stored { sequence, .. } = said else { bail!("not stored: {said:?}") };
        let answered = |fact: &Fact| {
            let kind = ["plimsoll.order.accepted", "plimsoll.order.rejected"].contains(&fact.kind.as_str());
            (kind && fact.number("order") == sequence).then(|| fact.clone())
        };
        self.facts.wait(&format!("order {sequence} to be answered"), answered).await
    }

    async fn accepted(&self, kind: &str, body: &Value) -> Result<u64> {
        let said = self.give(kind, body).await?;
        ensure!(said.kind == "plimsoll.order.accepted", "{}", said.text("reason"));
        Ok(said.number("order"))
    }

    async fn rejected(&self, body: &Value, parts: &[&str]) -> Result<()> {
        let said = self.give(order::POLICY, body).await?;
        ensure!(said.kind == "plimsoll.order.rejected", "accepted: {body}");
        let reason = said.text("reason");
        let missing: Vec<_> = parts.iter().filter(|part| !reason.contains(**part)).collect();
        ensure!(missing.is_empty(), "{missing:?} is missing in: {reason}");
        Ok(())
    }

    /// The connection of a role that is played here.
    async fn connect(&self, role: Role) -> Result<bus::Connection> {
        let (url, seed) = (self.broker.url().to_owned(), self.broker.seed(role.as_str()));
        let config = bus::Config { url, seed_file: Some(seed), node: String::new() };
        Ok(bus::Connection::connect(&config, role.as_str(), STEP).await?)
    }

    /// The operator's own tool.
    async fn plimsoll(&self, arguments: &[&str]) -> Result<Finished> {
        let context = self.broker.folder().join("context.json");
        let nkey = self.broker.seed(&format!("operator-{OPERATOR}"));
        let text = json!({"description": "", "url": self.broker.url(), "nkey": nkey, "operator": OPERATOR});
        fs::write(&context, text.to_string())?;
        let mut command = tokio::process::Command::from(plimsoll());
        command.args(arguments).arg("--context").arg(&context).current_dir(self.broker.folder());
        run(command, STEP).await
    }
}

fn policy(name: &str, text: &str, more: Value) -> Value {
    let mut body = json!({"name": name, "modules": [{"file": format!("{name}.rego"), "text": text}]});
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body
}

#[track_caller]
fn ended(finished: &Finished, code: i32, parts: &[&str]) -> Result<()> {
    let both = format!("{}{}", finished.stdout, finished.stderr);
    ensure!(finished.code == Some(code), "{:?}: {both}", finished.code);
    let missing: Vec<_> = parts.iter().filter(|part| !both.contains(**part)).collect();
    ensure!(missing.is_empty() && !both.contains("panicked"), "{missing:?} is missing in: {both}");
    Ok(())
}

async fn ordered(quay: &Quay) -> Result<()> {
    quay.accepted(
        order::POLICY,
        &policy("registries", REGISTRIES, json!({"data": {"registry": "reg.example/"}})),
    )
    .await?;
    turned_down(quay).await?;
    let folder = quay.broker.folder().join("policies");
    fs::create_dir(&folder)?;
    by_the_tool(quay, &folder).await.context("by the operator's tool")
}

/// Each reason names the module, the line, and what is wrong or what to write instead.
async fn turned_down(quay: &Quay) -> Result<()> {
    let unclosed = "package main\nimport rego.v1\ndeny contains \"x\" if {\n  x := \n}\n";
    quay.rejected(&policy("broken", unclosed, json!({})), &["broken.rego:4:"]).await?;
    let unknown = "package main\nimport rego.v1\ndeny contains \"x\" if nothing_of_the_kind(1)\n";
    quay.rejected(&policy("broken", unknown, json!({})), &["broken.rego:3:", "nothing_of_the_kind"]).await?;
    let elsewhere = json!({"namespaces": ["team"]});
    quay.rejected(&policy("elsewhere", REGISTRIES, elsewhere), &["team", "main"]).await?;
    let slip = json!({"dryRun": ["main.deny_registries"]});
    quay.rejected(&policy("slip", REGISTRIES, slip), &["main.deny_registries", "main.deny_registry"]).await?;
    let heavy = format!(
        "package main\nimport rego.v1\ndeny contains \"x\" if {{\n x := 1{}\n}}\n",
        " + 1".repeat(3_000)
    );
    quay.rejected(&policy("heavy", &heavy, json!({})), &["heavy.rego:4:", "split"]).await?;
    quay.rejected(&json!({"name": "odd", "module": []}), &["module"]).await
}

async fn by_the_tool(quay: &Quay, folder: &Path) -> Result<()> {
    fs::write(folder.join("registries.rego"), REGISTRIES)?;
    fs::write(folder.join("registries_test.rego"), "package main\nimport rego.v1\ntest_x if true\n")?;
    fs::write(quay.broker.folder().join("data.json"), r#"{"registry": "reg.example/"}"#)?;
    let apply =
        ["policy", "apply", "policies", "--name", "ours", "--data", "data.json", "--project", "shop-*"];
    let dry = ["--dry-run", "main.warn_latest", "--level", "deny=warning", "--silencing", "forbidden"];
    ended(&quay.plimsoll(&[&apply[..], &dry].concat()).await?, 0, &["accepted"])?;
    ended(&quay.plimsoll(&[&apply[..], &dry].concat()).await?, 0, &["in effect already"])?;
    let listed = quay.plimsoll(&["policy", "list"]).await?;
    ended(
        &listed,
        0,
        &[
            "ours: revision",
            "by alice",
            "modules: registries.rego\n",
            "dry run: main.warn_latest",
            "comments that silence: forbidden",
            "projects: shop-*",
            "registries: revision",
        ],
    )?;
    fs::write(folder.join("broken.rego"), "package main\ndeny[msg] {\n")?;
    ended(&quay.plimsoll(&apply).await?, 2, &["broken.rego:"])?;
    fs::remove_file(folder.join("broken.rego"))?;
    ended(
        &quay.plimsoll(&[&apply[..], &["--dry-run", "main.deny_x"]].concat()).await?,
        2,
        &["main.deny_x", "main.deny_registry"],
    )?;
    ended(&quay.plimsoll(&["policy", "apply", "nowhere"]).await?, 2, &["nowhere"])?;
    ended(&quay.plimsoll(&["policy", "remove", "theirs"]).await?, 2, &["theirs", "ours"])?;
    ended(&quay.plimsoll(&["policy", "remove", "ours"]).await?, 0, &["accepted"])?;
    let listed = quay.plimsoll(&["policy", "list"]).await?;
    ensure!(
        listed.stdout.contains("registries: revision") && !listed.stdout.contains("ours"),
        "{}",
        listed.stdout
    );
    ended(&quay.plimsoll(&["policy", "remove", "ours"]).await?, 2, &["no policy `ours`"])?;
    let large =
        json!({"section": "remedies", "remedies": [{"name": "patch", "argv": ["x".repeat(2 << 20)]}]});
    fs::write(quay.broker.folder().join("large.json"), large.to_string())?;
    ended(&quay.plimsoll(&["apply", "catalog", "large.json"]).await?, 2, &["the order", "take out"])?;
    fs::write(quay.broker.folder().join("nothing.json"), r#"{"name": "ours"}"#)?;
    ended(
        &quay.plimsoll(&["apply", "policy", "nothing.json"]).await?,
        2,
        &["`ours` asks nothing", "policy remove"],
    )?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_holds_definitions_to_the_policies_of_their_project() {
    let _machine = super::machine().await;
    let quay = Quay::start(&[Role::Invalidator, Role::Scanner]).await.unwrap();
    quay.tell(scanned(&quay).await);
}

/// What the scanner answers to a worker: whether it refuses, and the findings of organisation policies.
async fn scan(quay: &Quay, project: &str, definition: &str) -> Result<(bool, Vec<String>)> {
    let connection = quay.connect(Role::Worker).await?;
    let request = ScanRequest {
        definition: definition.to_owned(),
        project: Some(project.parse()?),
        ..ScanRequest::default()
    };
    let reply = connection.ask(request, Duration::from_secs(20)).await?;
    let own =
        reply.findings.into_iter().filter(|finding| finding.code.contains('/') || finding.code == "PL3001");
    let told = own
        .map(|finding| format!("{} {} {}: {}", finding.line, finding.code, finding.level, finding.message));
    Ok((reply.refused, told.collect()))
}

async fn scanned(quay: &Quay) -> Result<()> {
    const FOREIGN: &str = "# ours\nFROM hub.example/os:latest\nUSER app\n";
    let more =
        json!({"data": {"registry": "reg.example/"}, "projects": ["shop-*"], "dryRun": ["main.warn_latest"]});
    let revision = quay.accepted(order::POLICY, &policy("registries", REGISTRIES, more)).await?;
    let expected = (
        true,
        vec![
            "2 registries/main.deny_registry error: hub.example/os:latest is not ours".to_owned(),
            "1 registries/main.warn_latest info: dry run, warning: latest is no version".to_owned(),
        ],
    );
    // The mirrors of the two streams come one after the other.
    eventually("the policy to hold", STEP, async || {
        let (refused, mut told) = scan(quay, "shop-web", FOREIGN).await?;
        told.sort_by(|one, other| other.cmp(one));
        ensure!((refused, told.as_slice()) == (expected.0, expected.1.as_slice()), "{refused} {told:?}");
        Ok(())
    })
    .await?;
    ensure!(scan(quay, "other", FOREIGN).await? == (false, vec![]), "a project out of scope is refused");
    let good = scan(quay, "shop-web", "FROM reg.example/os:1\nUSER app\n").await?;
    ensure!(good == (false, vec![]), "{good:?}");
    endless(quay, revision).await
}

/// A revision that never ends: refused with the reason, and the scanner goes on.
async fn endless(quay: &Quay, revision: u64) -> Result<()> {
    let rego = "package main\nimport rego.v1\ndeny contains \"x\" if {\n  some a in numbers.range(1, 4000)\n  some b in numbers.range(1, 4000)\n  some c in numbers.range(1, 4000)\n  a + b + c == 1\n}\n";
    let next =
        quay.accepted(order::POLICY, &policy("registries", rego, json!({"projects": ["shop-*"]}))).await?;
    ensure!(next > revision, "{next}");
    eventually("the endless one to be told of", STEP, async || {
        let (refused, told) = scan(quay, "shop-web", "FROM reg.example/os:1\nUSER app\n").await?;
        let said = told.first().map(String::as_str).unwrap_or_default();
        let named = format!("policy registries of revision {next} ");
        ensure!(refused && said.starts_with("1 PL3001 error: ") && said.contains(&named), "{told:?}");
        Ok(())
    })
    .await?;
    ensure!(scan(quay, "other", "FROM reg.example/os:1\nUSER app\n").await? == (false, vec![]));
    Ok(())
}
