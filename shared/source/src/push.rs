//! One commit on a branch of its own, offered to a repository's team. Not a working tree: the change is applied to git's index, so no
//! file of the repository is written. Nothing that exists is ever moved: a branch of that name that is somebody's stays theirs.

use std::path::Path;

use tokio::fs;
use tokio_util::sync::CancellationToken;

use super::{Branch, Commit, Error, Fetcher, GitUrl, git};

/// Who signs: nobody who could be written to.
const NAME: &str = "Plimsoll";
const ADDRESS: &str = "plimsoll@invalid";

/// A change to offer.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The commit that it is a change of; the branch has one commit on top of it.
    pub base: &'a Commit,
    /// The branch to make.
    pub branch: &'a Branch,
    /// What changes, as `git apply` takes it.
    pub diff: &'a str,
    /// The commit's message.
    pub message: &'a str,
}

/// What became of a change that was offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// The branch holds it, now or already.
    Offered(Commit),
    /// A branch of that name holds something else and is left as it is.
    Taken(Commit),
    /// The change does not apply to the base; what git says of it.
    Unfit(String),
}

impl Fetcher {
    /// Makes a branch that holds one commit with `change`. Idempotent: the same change makes the same commit, whenever it is made.
    ///
    /// `into` must exist and be empty; everything that is written is below it, and the caller removes it.
    pub async fn push_branch(
        &self,
        url: &GitUrl,
        change: &Change<'_>,
        into: &Path,
        stop: &CancellationToken,
    ) -> Result<Pushed, Error> {
        self.check_scheme(url)?;
        let home = into.join("home");
        let local = |source| Error::Local { doing: "making a directory", source };
        fs::create_dir(&home).await.map_err(local)?;
        // One clock for all steps on this side.
        let bound = self.stop(stop);
        tokio::pin!(bound);
        self.download(url, change.base, into, &mut bound).await?;
        let repository = into.join("repository");
        let git = || {
            let mut command = git::command(&self.config, &home, None);
            command.arg("--git-dir").arg(&repository);
            command
        };

        let mut read = git();
        read.args(["read-tree", change.base.as_str()]);
        self.text(read, url, "reading the files of", &mut bound).await?;
        let diff = into.join("change.diff");
        let local = |source| Error::Local { doing: "writing a change", source };
        fs::write(&diff, change.diff).await.map_err(local)?;
        let mut apply = git();
        apply.args(["apply", "--cached", "--whitespace=nowarn", "--"]).arg(&diff);
        match self.text(apply, url, "applying a change to", &mut bound).await {
            Ok(_) => {}
            Err(Error::Git { said, .. }) => return Ok(Pushed::Unfit(said)),
            Err(error) => return Err(error),
        }

        let mut write = git();
        write.arg("write-tree");
        let tree = self.text(write, url, "writing a change of", &mut bound).await?;
        let mut date = git();
        date.args(["show", "--no-patch", "--no-show-signature", "--format=%ct", change.base.as_str()]);
        let date = self.text(date, url, "reading the commit of", &mut bound).await?;
        let mut commit = git();
        for role in ["AUTHOR", "COMMITTER"] {
            commit.env(format!("GIT_{role}_NAME"), NAME).env(format!("GIT_{role}_EMAIL"), ADDRESS);
            // The base's own time, so that the commit is the same whenever it is made.
            commit.env(format!("GIT_{role}_DATE"), format!("{} +0000", date.trim()));
        }
        commit.args(["commit-tree", "-p", change.base.as_str(), "-m", change.message, tree.trim()]);
        let commit = self.text(commit, url, "writing a change of", &mut bound).await?;
        let commit: Commit = commit
            .trim()
            .parse()
            .map_err(|_| Error::Unexpected { doing: "writing a change of", url: url.clone() })?;

        match self.ls_remote(url, change.branch, stop).await {
            Ok(found) if found == commit => return Ok(Pushed::Offered(commit)),
            Ok(found) => return Ok(Pushed::Taken(found)),
            Err(Error::NoBranch { .. }) => {}
            Err(error) => return Err(error),
        }
        let branch = format!("refs/heads/{}", change.branch);
        let mut push = self.remote(&home, url).await?;
        push.arg("--git-dir").arg(&repository).args([
            "push",
            "--quiet",
            "--no-verify",
            "--no-recurse-submodules",
        ]);
        // Only where there is still none: whoever was faster keeps it, and the next try finds it.
        push.arg(format!("--force-with-lease={branch}:"));
        push.args(["--", &url.argument(), &format!("{commit}:{branch}")]);
        self.text(push, url, "pushing a branch to", &mut bound).await?;
        Ok(Pushed::Offered(commit))
    }
}

#[cfg(test)]
mod tests {
    use testkit::git::{BRANCH, GitHost};

    use super::*;
    use crate::{Config, Scheme};

    const DIFF: &str = "--- a/deploy/Dockerfile\n+++ b/deploy/Dockerfile\n@@ -1,2 +1,2 @@\n-FROM os:1\n+FROM os:2\n RUN true\n";

    struct Host {
        git: GitHost,
        url: GitUrl,
        base: Commit,
    }

    async fn host() -> Host {
        let git = GitHost::start(None).await.unwrap();
        let url = git.create("app").await.unwrap().parse().unwrap();
        git.commit_and_push("app", &[("other", "before")], "before").await.unwrap();
        let files = [("deploy/Dockerfile", "FROM os:1\nRUN true\n"), ("other", "x")];
        let base = git.commit_and_push("app", &files, "first").await.unwrap().parse().unwrap();
        git.commit_and_push("app", &[("deploy/Dockerfile", "FROM os:3\n")], "moved on").await.unwrap();
        Host { git, url, base }
    }

    async fn push(host: &Host, branch: &str, diff: &str) -> Result<Pushed, Error> {
        let fetcher = Fetcher::new(Config { schemes: [Scheme::Git].into(), ..Config::default() });
        let into = tempfile::tempdir().unwrap();
        let branch = branch.parse().unwrap();
        let change = Change { base: &host.base, branch: &branch, diff, message: "Use os:2" };
        fetcher.push_branch(&host.url, &change, into.path(), &CancellationToken::new()).await
    }

    #[tokio::test]
    async fn a_change_is_offered_once_on_the_commit_that_it_changes() {
        let host = host().await;
        let Pushed::Offered(first) = push(&host, "plimsoll/app/1", DIFF).await.unwrap() else { panic!() };
        assert_eq!(push(&host, "plimsoll/app/1", DIFF).await.unwrap(), Pushed::Offered(first));
        let read = async |file| host.git.read_branch("app", "plimsoll/app/1", file).await.unwrap();
        assert_eq!(read("deploy/Dockerfile").await.as_deref(), Some("FROM os:2\nRUN true\n"));
        assert_eq!(read("other").await.as_deref(), Some("x"));
        assert_eq!(host.git.branches("app").await.unwrap(), [BRANCH, "plimsoll/app/1"]);
    }

    #[tokio::test]
    async fn what_is_there_stays_as_it_is() {
        let host = host().await;
        assert!(matches!(push(&host, BRANCH, DIFF).await.unwrap(), Pushed::Taken(_)));
        let now = host.git.read_branch("app", BRANCH, "deploy/Dockerfile").await.unwrap();
        assert_eq!(now.as_deref(), Some("FROM os:3\n"));
    }

    #[tokio::test]
    async fn a_change_of_something_else_is_said_to_be_unfit() {
        let host = host().await;
        for diff in
            [DIFF.replace("os:1", "os:7"), DIFF.replace("deploy/", "elsewhere/"), "no diff".to_owned()]
        {
            let pushed = push(&host, "plimsoll/app/1", &diff).await.unwrap();
            assert!(matches!(pushed, Pushed::Unfit(_)), "{pushed:?}");
        }
        assert_eq!(host.git.branches("app").await.unwrap(), [BRANCH]);
    }
}
