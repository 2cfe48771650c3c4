//! The roles that build, each a process of its own, with a registry and a git host: where flows about definitions take place.

use std::process::Stdio;

use anyhow::{Context as _, Result};
use artifact::Digest;
use events::{order, topology::Role};
use serde_json::{Value, json};
use testkit::{
    command::run,
    git::{BRANCH, GitHost, Webhook},
    process::{Process, free_port},
    registry::DockerRegistry,
    wait::eventually,
};
use tests::{
    apart::{Broker, notify, watcher},
    facts::{Fact, Facts},
    world::{OPERATOR, STEP, plimsoll},
};
use tokio::net::TcpStream;

const NODE: &str = "yard";
const SECRET: &str = "a-secret";

/// The yard; gone when dropped.
pub(super) struct Yard {
    broker: Broker,
    pub(super) registry: DockerRegistry,
    pub(super) git: GitHost,
    roles: Vec<(Role, Process)>,
    pub(super) facts: Facts,
    pub(super) client: registry::Client,
}

impl Yard {
    /// Starts everything.
    pub(super) async fn start() -> Result<Self> {
        Self::start_with("").await
    }

    /// Starts everything, the worker with `sections` of its own.
    pub(super) async fn start_with(sections: &str) -> Result<Self> {
        let broker = Broker::start(&[NODE]).await?;
        let hooks = free_port()?;
        let registry = DockerRegistry::start(Some(notify(hooks, SECRET))).await?;
        let url = format!("http://127.0.0.1:{hooks}/webhooks/git");
        let git = GitHost::start(Some(Webhook { url, secret: SECRET.to_owned() })).await?;
        let watcher = watcher(hooks, registry.host(), SECRET)
            + &format!(
                "[watcher.sources.git]\nkind = \"gitea\"\nsecret = \"{SECRET}\"\n[watcher.source]\nschemes = [\"git\"]\n"
            );
        let folder = |role: Role| format!("folder = \"{}\"\n", broker.folder().join(role.as_str()).display());
        let mut roles = Vec::new();
        for (role, sections) in [
            (Role::Watcher, watcher),
            (Role::Invalidator, format!("[invalidator]\n{}", folder(Role::Invalidator))),
            (Role::Scanner, String::new()),
            (Role::Planner, String::new()),
            (
                Role::Worker,
                format!("[worker]\n{}[worker.source]\nschemes = [\"git\"]\n{sections}", folder(Role::Worker)),
            ),
        ] {
            roles.push((role, broker.start_role(role, NODE, &sections)?));
        }
        let facts = broker.listen().await?;
        let client = registry::Client::new(registry::Config::default())?;
        eventually("the watcher to listen", STEP, async || TcpStream::connect(("127.0.0.1", hooks)).await)
            .await?;
        Ok(Self { broker, registry, git, roles, facts, client })
    }

    /// Publishes an order and waits until it is accepted.
    pub(super) async fn order(&self, kind: &str, body: Value) -> Result<u64> {
        self.broker.order(&self.facts, kind, &body).await
    }

    /// A project with one definition, in which `{os}` is the base's repository; its build.
    pub(super) async fn build(&self, name: &str, definition: &str) -> Result<Fact> {
        self.project(name).await?;
        let commit = self.push(name, definition).await?;
        self.built(name, &commit).await
    }

    /// Applies a project that is published as `team/NAME:1`, and makes its repository.
    pub(super) async fn project(&self, name: &str) -> Result<u64> {
        let source = self.git.create(name).await?;
        let image = self.registry.image(&format!("team/{name}:1"))?.to_string();
        let project = json!({"name": name, "source": source, "branch": BRANCH, "image": image});
        self.order(order::PROJECT, project).await
    }

    /// Pushes a definition; yields the commit.
    pub(super) async fn push(&self, name: &str, definition: &str) -> Result<String> {
        let definition = definition.replace("{os}", &self.os()?);
        self.git.commit_and_push(name, &[("Dockerfile", &definition)], "A definition").await
    }

    /// Waits for a push's build to end.
    pub(super) async fn built(&self, name: &str, commit: &str) -> Result<Fact> {
        let ended = |fact: &Fact| {
            let of_it = fact.kind == "plimsoll.build.finished" && fact.text("commit") == commit;
            (of_it && fact.text("project") == name && fact.number("ban") == 0).then(|| fact.clone())
        };
        self.facts.wait(&format!("the build of {name} to end"), ended).await
    }

    /// Bans a version of the base in favour of another.
    pub(super) async fn ban(&self, severity: &str, version: &str, replacement: &str) -> Result<u64> {
        let image = |version: &str| Ok::<_, anyhow::Error>(format!("{}:{version}", self.os()?));
        let ban = json!({"image": image(version)?, "reason": "libfix lets anybody in", "severity": severity, "replacement": image(replacement)?});
        self.order(order::BANNED, ban).await
    }

    /// Waits for a ban's campaign to close.
    pub(super) async fn closed(&self, ban: u64) -> Result<Fact> {
        let closed = |fact: &Fact| {
            (fact.kind == "plimsoll.campaign.closed" && fact.number("ban") == ban).then(|| fact.clone())
        };
        self.facts.wait(&format!("the campaign of ban {ban} to close"), closed).await
    }

    /// What a project's tag points at now.
    pub(super) async fn tagged(&self, name: &str) -> Result<Digest> {
        Ok(self.client.resolve(&self.registry.image(&format!("team/{name}:1"))?).await?)
    }

    /// The base's repository.
    pub(super) fn os(&self) -> Result<String> {
        Ok(self.registry.repository("base/os")?.to_string())
    }

    /// What git makes of a project's definition with the patch that its team was sent.
    pub(super) async fn applied(&self, name: &str, built: &Fact) -> Result<String> {
        let folder = tempfile::tempdir()?;
        let git = |arguments: &[&str]| {
            let mut command = tokio::process::Command::new("git");
            command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
            run(command, STEP)
        };
        git(&["clone", "--quiet", &self.git.url(name), "."]).await?.success()?;
        std::fs::write(folder.path().join("change.patch"), built.text("diff"))?;
        git(&["apply", "change.patch"]).await?.success()?;
        Ok(std::fs::read_to_string(folder.path().join("Dockerfile"))?)
    }

    /// The process of a role.
    pub(super) fn role(&mut self, role: Role) -> Result<&mut Process> {
        let found = self.roles.iter_mut().find(|(known, _)| *known == role);
        found.map(|(_, process)| process).with_context(|| format!("{role} does not run here"))
    }

    /// A connection with the identity of a role.
    pub(super) async fn connect(&self, role: Role) -> Result<bus::Connection> {
        let seed_file = Some(self.broker.seed(role.as_str()));
        let config = bus::Config { url: self.broker.url().to_owned(), seed_file, node: String::new() };
        Ok(bus::Connection::connect(&config, role.as_str(), STEP).await?)
    }

    /// Runs the command line as the operator; yields what it prints.
    pub(super) async fn plimsoll(&self, arguments: &[&str]) -> Result<String> {
        let context = self.broker.folder().join("operator.json");
        let seed = self.broker.seed(&format!("operator-{OPERATOR}"));
        let content =
            json!({"description": "", "url": self.broker.url(), "nkey": seed, "operator": OPERATOR});
        std::fs::write(&context, content.to_string())?;
        let mut command = tokio::process::Command::from(plimsoll());
        command.args(arguments).env("PLIMSOLL_CONTEXT", context);
        // Roles are missing here, which `status` says by its exit code.
        let finished = run(command, STEP).await?;
        Ok(finished.stdout + &finished.stderr)
    }

    /// What every role has said, for a flow that failed.
    pub(super) fn logs(&self) -> String {
        self.roles.iter().map(|(_, process)| process.log()).collect()
    }
}

/// What the first line of a build was built on.
pub(super) fn used(built: &Fact) -> &str {
    let first = built.body.get("inputs").and_then(|inputs| inputs.get(0));
    first.and_then(|input| input.get("used")).and_then(Value::as_str).unwrap_or_default()
}
