//! A git host: bare repositories behind `git daemon`, whose pushes send Gitea's webhook. A push is the real trigger.
//!
//! No accounts and no web pages: whoever reaches the port may push. It listens on 127.0.0.1 alone.

mod http;

use std::fs::{create_dir_all, set_permissions, write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::Command;

pub use self::http::HttpHost;
use crate::command::run;
use crate::process::{Process, free_port};
use crate::tools;

/// The branch that every repository starts with.
pub const BRANCH: &str = "main";

/// `git daemon` starts at once; the rest is for a busy machine.
const START: Duration = Duration::from_secs(20);
/// Longer than any step takes: a push waits for its webhook, which has 10 s.
const STEP: Duration = Duration::from_secs(30);

/// Where pushes are reported.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The receiver, `http://…`.
    pub url: String,
    /// The key of the signature over the raw body.
    pub secret: String,
}

/// What came of one report of a push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The repository's name.
    pub repository: String,
    /// The commit that the branch points at now; zeros when it was deleted.
    pub commit: String,
    /// The receiver's HTTP status; `None` when there was no answer.
    pub status: Option<u64>,
}

/// A running git host; gone with its repositories on drop.
#[derive(Debug)]
pub struct GitHost {
    // Before the directory: what serves it is stopped first.
    _daemon: Process,
    directory: TempDir,
    port: u16,
    /// Where others reach it.
    shown_port: u16,
}

impl GitHost {
    /// Starts a host without repositories. Without a webhook, pushes are reported to nobody.
    ///
    /// # Errors
    /// When `git daemon` does not come up; the message has its log.
    pub async fn start(webhook: Option<Webhook>) -> Result<Self> {
        let directory = TempDir::with_prefix("plimsoll-git-").context("making the git host's directory")?;
        let repositories = directory.path().join("repositories");
        create_dir_all(&repositories).context("making the folder of repositories")?;
        write(directory.path().join("post_receive.py"), include_str!("git/post_receive.py"))
            .context("writing the hook")?;
        let port = free_port()?;
        let mut command = std::process::Command::new("git");
        command
            .args(["daemon", "--reuseaddr", "--listen=127.0.0.1", "--export-all", "--enable=receive-pack"])
            .args(["--informative-errors", "--log-destination=stderr", "--verbose"])
            .arg(format!("--port={port}"))
            .arg(format!("--base-path={}", repositories.display()))
            .arg(&repositories)
            .envs(environment(directory.path()));
        let mut daemon = Process::start("git daemon", command)?;
        daemon.ready(START, async || TcpStream::connect(("127.0.0.1", port)).await).await?;
        let host = Self { _daemon: daemon, directory, port, shown_port: port };
        if let Some(webhook) = webhook {
            host.report_to(&webhook)?;
        }
        Ok(host)
    }

    /// Reports pushes to `webhook` from now on.
    ///
    /// # Errors
    /// When it cannot be noted down.
    pub fn report_to(&self, webhook: &Webhook) -> Result<()> {
        let content = json!({ "url": webhook.url, "secret": webhook.secret }).to_string();
        // Renamed into place: a push under way reads the old one or the new one.
        let written = self.path("webhook.new");
        write(&written, content).context("noting the webhook")?;
        std::fs::rename(written, self.path("webhook.json")).context("noting the webhook")
    }

    /// Host and port on which it listens.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Names repositories by another port of 127.0.0.1 from now on, such as a proxy's: in what [`Self::create`] yields and in webhooks. Pushes of this guard go to
    /// the host itself all the same.
    pub fn show_as(&mut self, port: u16) {
        self.shown_port = port;
    }

    /// Makes an empty repository, `app` or `team/app`, and yields its URL. Its commits may be fetched by id.
    ///
    /// # Errors
    /// When it exists already.
    pub async fn create(&self, name: &str) -> Result<String> {
        let repository = self.repository(name);
        ensure!(!repository.exists(), "the repository {name} exists already");
        let url = self.url(name);
        git(
            self.directory.path(),
            self.directory.path(),
            ["init", "--quiet", "--bare", "--initial-branch", BRANCH, path(&repository)?],
        )
        .await?;
        // Hosts allow it, and builds fetch exactly one commit.
        git(self.directory.path(), &repository, ["config", "uploadpack.allowAnySHA1InWant", "true"]).await?;
        let hook = repository.join("hooks/post-receive");
        let script = format!(
            "#!/bin/sh\nexec '{}' '{}' '{}' '{name}' '{url}'\n",
            tools::python().display(),
            self.path("post_receive.py").display(),
            self.directory.path().display(),
        );
        create_dir_all(repository.join("hooks")).context("making the hooks folder")?;
        write(&hook, script).context("writing the hook")?;
        set_permissions(&hook, std::fs::Permissions::from_mode(0o755))
            .context("making the hook executable")?;
        Ok(url)
    }

    /// The URL of a repository, for fetching and pushing.
    #[must_use]
    pub fn url(&self, name: &str) -> String {
        format!("git://127.0.0.1:{}/{name}.git", self.shown_port)
    }

    /// Serves the same repositories over HTTP, to one user.
    ///
    /// # Errors
    /// When the server does not come up; the message has its log.
    pub async fn over_http(&self, user: &str, password: &str) -> Result<HttpHost> {
        HttpHost::start(&self.path("repositories"), user, password).await
    }

    /// Commits `files` (path and content) on top of [`BRANCH`], pushes, and yields the commit's id.
    ///
    /// The webhook has been sent when this returns: see [`Self::deliveries`] for what came of it.
    ///
    /// # Errors
    /// When git refuses, also because nothing changed.
    pub async fn commit_and_push(&self, name: &str, files: &[(&str, &str)], message: &str) -> Result<String> {
        let scratch = TempDir::with_prefix("plimsoll-clone-").context("making a scratch clone")?;
        let clone = scratch.path().join("clone");
        let home = self.directory.path();
        git(
            home,
            scratch.path(),
            ["clone", "--quiet", &format!("git://{}/{name}.git", self.address()), path(&clone)?],
        )
        .await?;
        // An empty repository yields a clone whose first branch may have another name.
        git(home, &clone, ["checkout", "--quiet", "-B", BRANCH]).await?;
        for (file, content) in files {
            let file = clone.join(file);
            create_dir_all(file.parent().unwrap_or(&clone)).context("making a folder of the clone")?;
            write(&file, content).with_context(|| format!("writing {}", file.display()))?;
        }
        git(home, &clone, ["add", "--all"]).await?;
        git(home, &clone, ["commit", "--quiet", "--message", message]).await?;
        git(home, &clone, ["push", "--quiet", "origin", BRANCH]).await?;
        git(home, &clone, ["rev-parse", "HEAD"]).await
    }

    /// The text of a file at the tip of a branch; `None` when there is no such branch or file.
    ///
    /// # Errors
    /// When git cannot be asked.
    pub async fn read_branch(&self, name: &str, branch: &str, file: &str) -> Result<Option<String>> {
        let mut command = Command::new("git");
        command.arg("show").arg(format!("refs/heads/{branch}:{file}"));
        command.current_dir(self.repository(name)).envs(environment(self.directory.path()));
        let finished = run(command, STEP).await?;
        Ok((finished.code == Some(0)).then_some(finished.stdout))
    }

    /// The names of a repository's branches, sorted.
    ///
    /// # Errors
    /// When there is no such repository.
    pub async fn branches(&self, name: &str) -> Result<Vec<String>> {
        let arguments = ["for-each-ref", "--format", "%(refname:lstrip=2)", "refs/heads"];
        let listed = git(self.directory.path(), &self.repository(name), arguments).await?;
        Ok(listed.lines().map(str::to_owned).collect())
    }

    /// What came of every webhook so far, in order.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn deliveries(&self) -> Result<Vec<Delivery>> {
        let record = self.path("deliveries");
        if !record.exists() {
            return Ok(Vec::new());
        }
        let text = std::fs::read_to_string(record).context("reading the record of deliveries")?;
        text.lines()
            .map(|line| {
                let line: Value = serde_json::from_str(line).context("reading the record of deliveries")?;
                let field = |name| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
                let status = line.get("status").and_then(Value::as_u64);
                Ok(Delivery { repository: field("repository"), commit: field("after"), status })
            })
            .collect()
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.path("repositories").join(format!("{name}.git"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

async fn git<const N: usize>(home: &Path, directory: &Path, arguments: [&str; N]) -> Result<String> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(directory).envs(environment(home));
    run(command, STEP).await?.success()
}

/// Nothing of the user's or the machine's git configuration, and no questions.
fn environment(home: &Path) -> Vec<(&'static str, String)> {
    let home = home.display().to_string();
    let fixed = [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_CONFIG_GLOBAL", "/dev/null"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("GIT_AUTHOR_NAME", "developer"),
        ("GIT_AUTHOR_EMAIL", "developer@example.com"),
        ("GIT_COMMITTER_NAME", "developer"),
        ("GIT_COMMITTER_EMAIL", "developer@example.com"),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name, value.to_owned()));
    fixed.chain([("HOME", home)]).collect()
}

fn path(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("the path {} is not UTF-8", path.display()))
}

#[cfg(test)]
mod tests;
