//! Lines and addresses, and a git host that asks for a password.

use std::{fs, os::unix::fs::PermissionsExt as _};

use testkit::git::{BRANCH, GitHost, HttpHost};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::{Change, Commit, Config, Fetcher, Pushed, Scheme};

const FILE: &str = "# robots\n\nhttps://all:a%3Ab@git.example\nhttps://team:t@git.example/team/\nhttps://app:p@Git.Example:443/team/app.git\n\
    https://second:s@git.example/team\nhttp://clear:c@git.example:3000\nhttps://TOKEN@token.example\n";

#[track_caller]
fn check(url: &str, expected: Option<(&str, &str)>) {
    let found = choose(FILE, &url.parse().unwrap()).unwrap();
    let expected =
        expected.map(|(user, password)| Credential { user: user.into(), password: password.into() });
    assert!(found == expected, "{url}");
}

#[test]
fn the_longest_path_counts() {
    check("https://git.example/other/x.git", Some(("all", "a:b")));
    check("https://git.example/teams/x.git", Some(("all", "a:b")));
    check("https://git.example/team/x.git", Some(("team", "t")));
    check("https://git.example/team/app.git", Some(("app", "p")));
    check("https://git.example:443/team/app.git", Some(("app", "p")));
    check("http://git.example:3000/x", Some(("clear", "c")));
    check("https://token.example/x", Some(("TOKEN", "")));
}

#[test]
fn a_credential_goes_nowhere_else() {
    check("https://git.example:8443/team/x.git", None);
    check("http://git.example/team/x.git", None);
    check("https://git.example.evil/team/x.git", None);
    check("https://sub.git.example/team/x.git", None);
    check("ssh://git@git.example/team/x.git", None);
    check("file:///team/x.git", None);
}

#[test]
fn a_line_that_is_none_is_named_and_not_repeated() {
    for (line, at) in [
        ("git.example", 1),
        ("\nhttps://git.example", 2),
        ("ssh://a:SECRET@h", 1),
        ("https://SECRET:SECRET@/x", 1),
        ("https://:@h", 1),
    ] {
        let (found, reason) = choose(line, &"https://h/x".parse().unwrap()).unwrap_err();
        assert_eq!(found, at, "{line}");
        assert!(!reason.contains("SECRET"), "{reason}");
    }
}

const PASSWORD: &str = "s3cret-t0ken";
const DIFF: &str = "--- a/Dockerfile\n+++ b/Dockerfile\n@@ -1 +1 @@\n-FROM os:1\n+FROM os:2\n";

/// A git host that asks for a password, and a git that notes down how it was called.
struct Host {
    git: GitHost,
    http: HttpHost,
    commit: Commit,
    folder: tempfile::TempDir,
}

impl Host {
    async fn start() -> Self {
        let git = GitHost::start(None).await.unwrap();
        git.create("team/app").await.unwrap();
        let commit =
            git.commit_and_push("team/app", &[("Dockerfile", "FROM os:1\n")], "first").await.unwrap();
        let http = git.over_http("robot", PASSWORD).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let wrapper = folder.path().join("git");
        let log = folder.path().join("calls");
        fs::write(&wrapper, format!("#!/bin/sh\necho \"$@\" >> '{}'\nexec git \"$@\"\n", log.display()))
            .unwrap();
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        Self { git, http, commit: commit.parse().unwrap(), folder }
    }

    fn fetcher(&self, credentials: Option<&str>) -> Fetcher {
        let file = credentials.map(|text| {
            let file = self.folder.path().join("credentials");
            fs::write(&file, text).unwrap();
            file
        });
        let git = self.folder.path().join("git");
        Fetcher::new(Config { git, schemes: [Scheme::Http].into(), credentials: file, ..Config::default() })
    }

    fn line(&self, path: &str) -> String {
        format!("http://robot:{PASSWORD}@{}{path}\n", self.http.host())
    }

    fn url(&self) -> GitUrl {
        self.http.url("team/app").parse().unwrap()
    }

    /// Everything that git was called with.
    fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap()
    }

    async fn look(&self, fetcher: &Fetcher) -> Result<Commit, Error> {
        fetcher.ls_remote(&self.url(), &BRANCH.parse().unwrap(), &CancellationToken::new()).await
    }
}

#[tokio::test]
async fn a_host_that_asks_for_a_password_is_read_and_pushed_to() {
    let host = Host::start().await;
    let fetcher = host.fetcher(Some(&host.line("/team")));
    assert_eq!(host.look(&fetcher).await.unwrap(), host.commit);
    let stop = CancellationToken::new();
    let into = tempfile::tempdir().unwrap();
    let checkout = fetcher.fetch(&host.url(), &host.commit, into.path(), &stop).await.unwrap();
    assert_eq!(fs::read_to_string(checkout.tree.join("Dockerfile")).unwrap(), "FROM os:1\n");
    // Over HTTP a host takes pushes of users it knows.
    let branch = "plimsoll/app/1".parse().unwrap();
    let change = Change { base: &host.commit, branch: &branch, diff: DIFF, message: "Use os:2" };
    let into = tempfile::tempdir().unwrap();
    let pushed = fetcher.push_branch(&host.url(), &change, into.path(), &stop).await.unwrap();
    assert!(matches!(pushed, Pushed::Offered(_)), "{pushed:?}");
    let read = host.git.read_branch("team/app", "plimsoll/app/1", "Dockerfile").await.unwrap();
    assert_eq!(read.as_deref(), Some("FROM os:2\n"));
    let calls = host.calls();
    assert!(calls.contains("fetch") && calls.contains("push") && !calls.contains(PASSWORD), "{calls}");
}

#[tokio::test]
async fn without_a_credential_that_is_meant_for_it_a_host_gives_nothing() {
    let host = Host::start().await;
    for credentials in [None, Some(host.line("/other")), Some("https://robot:x@git.example\n".to_owned())] {
        let error = host.look(&host.fetcher(credentials.as_deref())).await.unwrap_err();
        assert!(matches!(error, Error::NoAccess { .. }), "{error:?}");
    }
    let error = host.look(&host.fetcher(Some("robot:s3cret-t0ken"))).await.unwrap_err();
    assert!(matches!(error, Error::Credentials { line: 1, .. }) && error.is_retryable(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains(PASSWORD));
}

#[tokio::test]
async fn a_password_that_changes_is_read_without_a_restart() {
    let host = Host::start().await;
    let fetcher = host.fetcher(Some(&host.line("")));
    host.look(&fetcher).await.unwrap();
    host.http.allow("robot", "another").unwrap();
    assert!(matches!(host.look(&fetcher).await.unwrap_err(), Error::NoAccess { .. }));
    let line = format!("http://robot:another@{}\n", host.http.host());
    fs::write(host.folder.path().join("credentials"), line).unwrap();
    host.look(&fetcher).await.unwrap();
}
