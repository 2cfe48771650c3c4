//! The source of a build: one commit of a git repository as a plain tree of files. Not what is in it: a repository is hostile.
//!
//! Nothing of the repository runs here: no hook, filter, helper or submodule; no link is made; every step is bounded in time and
//! size, and the sizes are read from the tree before a single file of it is written.

mod commit;
mod credentials;
mod error;
mod git;
mod push;
mod url;

use std::collections::BTreeSet;
use std::fs::Permissions;
use std::future::Future;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tokio::process::Command;
use tokio::time::sleep;
use tokio::{fs, select};
use tokio_util::sync::CancellationToken;

pub use self::commit::{Branch, Commit, InvalidName};
pub use self::error::Error;
pub use self::push::{Change, Pushed};
pub use self::url::{GitUrl, InvalidUrl, Scheme};
use child::{Ended, disk};

/// How repositories are reached, and how much they may cost.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The git command line.
    pub git: PathBuf,
    /// The transports that may be used. By default the two that are secret and authenticated.
    pub schemes: BTreeSet<Scheme>,
    /// For one fetch or look, all its steps together. A minute is what a shallow fetch of a large repository takes.
    pub timeout_seconds: u64,
    /// Of one commit: what is fetched, and then the files, each.
    pub size_bytes: u64,
    /// Files in one commit. The largest public monorepos have some 500,000.
    pub files: u64,
    /// The private key for ssh; without it ssh repositories cannot be reached.
    pub ssh_identity: Option<PathBuf>,
    /// The hosts whose keys are known to ssh.
    pub ssh_known_hosts: Option<PathBuf>,
    /// Users and passwords for HTTP by host and path prefix, in the format of git-credential-store: one `https://USER:PASSWORD@HOST/PATH` a line, the longest
    /// match counts. Read at every call, so that it can be changed while the service runs.
    pub credentials: Option<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            git: PathBuf::from("git"),
            schemes: [Scheme::Https, Scheme::Ssh].into(),
            timeout_seconds: 60,
            size_bytes: 1 << 30,
            files: 500_000,
            ssh_identity: None,
            ssh_known_hosts: None,
            credentials: None,
        }
    }
}

/// A commit's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkout {
    /// The directory that holds them; there is no `.git` in it.
    pub tree: PathBuf,
    /// The commit that was asked for, which is the one that was found.
    pub commit: Commit,
    /// When it was committed, in seconds since 1970: the time that a reproducible build gives its files.
    pub committed_at: i64,
    /// How many files.
    pub files: u64,
    /// Their sizes together.
    pub bytes: u64,
}

/// Reads repositories, and pushes one branch of one commit.
#[derive(Debug, Clone)]
pub struct Fetcher {
    config: Config,
}

/// Why git was stopped.
enum Stop {
    Cancelled,
    TimedOut,
    TooLarge(String),
}

impl Fetcher {
    /// A reader that works as `config` says.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    /// The commit that `branch` points to now.
    pub async fn ls_remote(
        &self,
        url: &GitUrl,
        branch: &Branch,
        stop: &CancellationToken,
    ) -> Result<Commit, Error> {
        self.check_scheme(url)?;
        let home =
            tempfile::tempdir().map_err(|source| Error::Local { doing: "making a directory", source })?;
        let mut command = self.remote(home.path(), url).await?;
        let reference = format!("refs/heads/{branch}");
        command.args(["ls-remote", "--quiet", "--", &url.argument(), &reference]);
        let listing = self.text(command, url, "listing the branches of", self.stop(stop)).await?;
        // One line "<commit>\t<reference>"; the pattern also matches longer names that end in it.
        let line = listing.lines().find_map(|line| line.strip_suffix(&reference)?.strip_suffix('\t'));
        let commit = line.ok_or_else(|| Error::NoBranch { url: url.clone(), branch: branch.clone() })?;
        commit.parse().map_err(|_| Error::Unexpected { doing: "listing the branches of", url: url.clone() })
    }

    /// Fetches `commit` and writes its files to `into`/tree. `into` must exist and be empty; whatever happens, everything that
    /// is written is below it, and the caller removes it.
    pub async fn fetch(
        &self,
        url: &GitUrl,
        commit: &Commit,
        into: &Path,
        stop: &CancellationToken,
    ) -> Result<Checkout, Error> {
        self.check_scheme(url)?;
        // One clock for all steps.
        let stop = self.stop(stop);
        tokio::pin!(stop);
        let (home, repository, tree) = (into.join("home"), into.join("repository"), into.join("tree"));
        for dir in [&home, &tree] {
            fs::create_dir(dir)
                .await
                .map_err(|source| Error::Local { doing: "making a directory", source })?;
        }
        // Read by a build whose root is nobody here.
        let readable = fs::set_permissions(&tree, Permissions::from_mode(0o755)).await;
        readable.map_err(|source| Error::Local { doing: "making a directory", source })?;
        let git = || git::command(&self.config, &home, None);
        self.download(url, commit, into, &mut stop).await?;

        let mut show = git();
        show.arg("--git-dir").arg(&repository);
        // A tag's or a tree's id can be fetched too; `^{commit}` of a tag is another id.
        show.args(["show", "--no-patch", "--no-show-signature", "--format=%H %ct"])
            .arg(format!("{commit}^{{commit}}"));
        let shown = self.text(show, url, "reading the commit of", &mut stop).await?;
        let (found, committed_at) = shown.trim().split_once(' ').unwrap_or_default();
        if found != commit.as_str() {
            return Err(Error::NoCommit { url: url.clone(), commit: commit.clone() });
        }
        let committed_at = committed_at
            .parse()
            .map_err(|_| Error::Unexpected { doing: "reading the commit of", url: url.clone() })?;

        let mut list = git();
        list.arg("--git-dir").arg(&repository).args([
            "ls-tree",
            "-r",
            "-l",
            "-z",
            "--full-tree",
            commit.as_str(),
        ]);
        let (files, bytes) = self.measure(list, url, &mut stop).await?;

        let mut checkout = git();
        checkout.arg("--git-dir").arg(&repository).arg("--work-tree").arg(&tree);
        checkout.args(["checkout", "--quiet", "--force", "--detach", commit.as_str(), "--"]);
        self.text(checkout, url, "checking out", &mut stop).await?;

        let mut head = git();
        head.arg("--git-dir").arg(&repository).args(["rev-parse", "--verify", "HEAD"]);
        if self.text(head, url, "reading HEAD of", &mut stop).await?.trim() != commit.as_str() {
            return Err(Error::Unexpected { doing: "reading HEAD of", url: url.clone() });
        }
        let removed = fs::remove_dir_all(&repository).await;
        removed.map_err(|source| Error::Local { doing: "removing the fetched repository", source })?;
        Ok(Checkout { tree, commit: commit.clone(), committed_at, files, bytes })
    }

    /// Fetches `commit` alone, without its history, into the bare repository that it makes at `into`/repository. `into`/home must exist.
    async fn download(
        &self,
        url: &GitUrl,
        commit: &Commit,
        into: &Path,
        mut stop: impl Future<Output = Stop> + Unpin,
    ) -> Result<(), Error> {
        let (home, repository) = (into.join("home"), into.join("repository"));
        let mut init = git::command(&self.config, &home, None);
        init.args([
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--object-format",
            commit.object_format(),
            "--",
        ]);
        init.arg(&repository);
        self.text(init, url, "preparing a repository for", &mut stop).await?;

        let mut fetch = self.remote(&home, url).await?;
        fetch.arg("--git-dir").arg(&repository).args(["fetch", "--quiet", "--depth=1", "--no-tags"]);
        fetch.args(["--no-recurse-submodules", "--no-auto-maintenance", "--no-write-fetch-head", "--"]);
        fetch.args([url.argument().as_str(), commit.as_str()]);
        let fetched = async {
            select! {
                biased;
                stopped = &mut stop => stopped,
                bytes = disk::exceeds(into.to_owned(), self.config.size_bytes) => {
                    Stop::TooLarge(format!("{bytes} bytes fetched, {} allowed", self.config.size_bytes))
                }
            }
        };
        self.text(fetch, url, "fetching from", fetched)
            .await
            .map(drop)
            .map_err(|error| error::missing(error, url, commit))
    }

    /// A git command that reaches `url`, by the credential that is configured for it.
    async fn remote(&self, home: &Path, url: &GitUrl) -> Result<Command, Error> {
        let configured = match &self.config.credentials {
            Some(file) => credentials::find(file, url).await?,
            None => None,
        };
        Ok(git::command(&self.config, home, configured.or_else(|| url.credential()).as_ref()))
    }

    fn check_scheme(&self, url: &GitUrl) -> Result<(), Error> {
        match self.config.schemes.contains(&url.scheme()) {
            true => Ok(()),
            false => Err(Error::Scheme { url: url.clone() }),
        }
    }

    async fn stop(&self, stop: &CancellationToken) -> Stop {
        select! {
            biased;
            () = stop.cancelled() => Stop::Cancelled,
            () = sleep(self.timeout()) => Stop::TimedOut,
        }
    }

    fn timeout(&self) -> Duration {
        Duration::from_secs(self.config.timeout_seconds)
    }

    /// Standard output of a git that has little to say.
    async fn text(
        &self,
        command: Command,
        url: &GitUrl,
        doing: &'static str,
        stop: impl Future<Output = Stop>,
    ) -> Result<String, Error> {
        /// One line of `ls-remote` or `show`; more is not looked at by anybody.
        const LIMIT: usize = 64 * 1024;
        let mut output = Vec::new();
        let consume = |bytes: &[u8]| {
            output.extend_from_slice(bytes);
            match output.len() > LIMIT {
                true => ControlFlow::Break(Stop::TooLarge(format!("git printed more than {LIMIT} bytes"))),
                false => ControlFlow::Continue(()),
            }
        };
        self.run(command, url, doing, consume, stop).await?;
        Ok(String::from_utf8_lossy(&output).into_owned())
    }

    /// Number and size of the files in a listing of `ls-tree -l -z`, read as it comes, so that no bomb fills the memory.
    async fn measure(
        &self,
        command: Command,
        url: &GitUrl,
        stop: impl Future<Output = Stop>,
    ) -> Result<(u64, u64), Error> {
        let (mut files, mut total) = (0_u64, 0_u64);
        let mut entry = Vec::new();
        let consume = |bytes: &[u8]| {
            for &byte in bytes {
                if byte != 0 {
                    entry.push(byte);
                    continue;
                }
                files += 1;
                total = total.saturating_add(entry_size(&entry));
                entry.clear();
                if files > self.config.files {
                    return ControlFlow::Break(Stop::TooLarge(format!(
                        "more than {} files",
                        self.config.files
                    )));
                }
                if total > self.config.size_bytes {
                    let limit = self.config.size_bytes;
                    return ControlFlow::Break(Stop::TooLarge(format!(
                        "its files hold more than {limit} bytes"
                    )));
                }
            }
            match entry.len() > 64 * 1024 {
                true => ControlFlow::Break(Stop::TooLarge("a path is longer than 64 KiB".to_owned())),
                false => ControlFlow::Continue(()),
            }
        };
        self.run(command, url, "listing the files of", consume, stop).await?;
        Ok((files, total))
    }

    async fn run(
        &self,
        command: Command,
        url: &GitUrl,
        doing: &'static str,
        consume: impl FnMut(&[u8]) -> ControlFlow<Stop>,
        stop: impl Future<Output = Stop>,
    ) -> Result<(), Error> {
        let ran = child::run(command, consume, stop).await;
        let (ended, said) = ran.map_err(|source| Error::Local { doing: "running git", source })?;
        let url = url.clone();
        match ended {
            Ended::Exited(status) if status.success() => Ok(()),
            // What the shell says when there is no such program.
            Ended::Exited(status) if status.code() == Some(127) => {
                Err(Error::Local { doing: "starting git", source: io::ErrorKind::NotFound.into() })
            }
            Ended::Exited(_) => Err(error::failure(doing, url, &said.text())),
            Ended::Stopped(Stop::Cancelled) => Err(Error::Cancelled { url }),
            Ended::Stopped(Stop::TimedOut) => Err(Error::TimedOut { url, limit: self.timeout() }),
            Ended::Stopped(Stop::TooLarge(what)) => Err(Error::TooLarge { url, what }),
        }
    }
}

/// The size in `<mode> SP <type> SP <object> SP+ <size> TAB <path>`; a submodule's is `-`.
fn entry_size(entry: &[u8]) -> u64 {
    let fields = entry.split(|&byte| byte == b'\t').next().unwrap_or_default();
    let size = fields.rsplit(|&byte| byte == b' ').next().unwrap_or_default();
    std::str::from_utf8(size).ok().and_then(|size| size.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests;
