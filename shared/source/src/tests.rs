//! Commits of real repositories over real transports, and the hostile ones that must leave nothing behind.

use std::process::Command;

use tempfile::TempDir;

use super::*;

/// A repository of this machine, made by the real git.
struct Repository {
    dir: TempDir,
}

impl Repository {
    fn new() -> Self {
        let repository = Self { dir: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main", "."]);
        repository
    }

    #[track_caller]
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"])
            .args(["-c", "protocol.file.allow=always"])
            .args(arguments)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .current_dir(self.dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, contents: &str) {
        std::fs::write(self.dir.path().join(name), contents).unwrap();
    }

    fn commit(&self) -> Commit {
        self.git(&["add", "--all", "."]);
        self.git(&["commit", "--quiet", "--message", "change"]);
        self.git(&["rev-parse", "HEAD"]).parse().unwrap()
    }

    fn url(&self) -> GitUrl {
        format!("file://{}", self.dir.path().display()).parse().unwrap()
    }
}

fn fetcher() -> Fetcher {
    Fetcher::new(Config { schemes: [Scheme::File].into(), ..Config::default() })
}

async fn fetch(
    fetcher: &Fetcher,
    repository: &Repository,
    commit: &Commit,
) -> (TempDir, Result<Checkout, Error>) {
    let into = tempfile::tempdir().unwrap();
    let fetched = fetcher.fetch(&repository.url(), commit, into.path(), &CancellationToken::new()).await;
    (into, fetched)
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn yields_exactly_the_commit_that_was_asked_for() {
    let repository = Repository::new();
    repository.write("Dockerfile", "FROM one");
    let first = repository.commit();
    repository.write("Dockerfile", "FROM two");
    repository.write("more", "");
    let second = repository.commit();

    // Neither the newest commit nor the tip of a branch.
    let (_dir, checkout) = fetch(&fetcher(), &repository, &first).await;
    let checkout = checkout.unwrap();
    assert_eq!((&checkout.commit, checkout.files, checkout.bytes), (&first, 1, 8));
    assert_eq!(names(&checkout.tree), ["Dockerfile"]);
    for (path, mode) in [("", 0o755), ("Dockerfile", 0o644)] {
        assert_eq!(checkout.tree.join(path).metadata().unwrap().permissions().mode() & 0o7777, mode);
    }
    assert_eq!(std::fs::read_to_string(checkout.tree.join("Dockerfile")).unwrap(), "FROM one");
    assert_eq!(
        checkout.committed_at.to_string(),
        repository.git(&["show", "-s", "--format=%ct", first.as_str()])
    );

    let main: Branch = "main".parse().unwrap();
    let tip = fetcher().ls_remote(&repository.url(), &main, &CancellationToken::new()).await.unwrap();
    assert_eq!(tip, second);
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let repository = Repository::new();
    repository.write("a", "a");
    repository.commit();
    let nobody = "0123456789".repeat(4).parse().unwrap();
    let (_dir, missing) = fetch(&fetcher(), &repository, &nobody).await;
    assert!(matches!(missing, Err(Error::NoCommit { .. })), "{missing:?}");

    let stop = CancellationToken::new();
    let branch: Branch = "ain".parse().unwrap();
    let missing = fetcher().ls_remote(&repository.url(), &branch, &stop).await;
    assert!(matches!(missing, Err(Error::NoBranch { .. })), "{missing:?}");

    let nowhere = Config { git: "/nowhere/git".into(), ..fetcher().config };
    let missing = Fetcher::new(nowhere).ls_remote(&repository.url(), &branch, &stop).await;
    assert!(matches!(missing, Err(Error::Local { .. })), "{missing:?}");

    let absent: GitUrl = "file:///nowhere/at/all".parse().unwrap();
    let missing = fetcher().ls_remote(&absent, &branch, &stop).await.unwrap_err();
    assert!(matches!(missing, Error::NoAccess { .. }) && !missing.is_retryable(), "{missing:?}");
}

#[tokio::test]
async fn a_tag_is_no_commit() {
    let repository = Repository::new();
    repository.write("a", "a");
    repository.commit();
    repository.git(&["tag", "--annotate", "--message", "t", "v1"]);
    let tag = repository.git(&["rev-parse", "v1"]).parse().unwrap();
    let (_dir, fetched) = fetch(&fetcher(), &repository, &tag).await;
    assert!(matches!(fetched, Err(Error::NoCommit { .. })), "{fetched:?}");
}

#[tokio::test]
async fn only_configured_transports_are_used() {
    let repository = Repository::new();
    repository.write("a", "a");
    let commit = repository.commit();
    let (_dir, refused) = fetch(&Fetcher::new(Config::default()), &repository, &commit).await;
    assert!(matches!(refused, Err(Error::Scheme { .. })));

    // Git itself refuses too: an address that slipped through would not be enough.
    let home = tempfile::tempdir().unwrap();
    for address in ["ext::sh -c touch% pwned", repository.dir.path().to_str().unwrap()] {
        let mut command = git::command(&Config::default(), home.path(), None);
        let output = command.args(["ls-remote", "--", address]).output().await.unwrap();
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("not allowed"), "{output:?}");
    }
    assert_eq!(names(home.path()), Vec::<String>::new());
}

#[tokio::test]
async fn links_become_files_and_lead_nowhere() {
    let repository = Repository::new();
    std::os::unix::fs::symlink("/etc", repository.dir.path().join("out")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", repository.dir.path().join("users")).unwrap();
    let commit = repository.commit();
    let (_dir, checkout) = fetch(&fetcher(), &repository, &commit).await;
    let tree = checkout.unwrap().tree;
    for (name, target) in [("out", "/etc"), ("users", "/etc/passwd")] {
        assert!(std::fs::symlink_metadata(tree.join(name)).unwrap().is_file());
        assert_eq!(std::fs::read_to_string(tree.join(name)).unwrap(), target);
    }
}

#[tokio::test]
async fn submodules_filters_and_hooks_do_nothing() {
    let inner = Repository::new();
    inner.write("secret", "x");
    inner.commit();
    let repository = Repository::new();
    let proof = repository.dir.path().join("proof");
    let address = format!("file://{}", inner.dir.path().display());
    repository.git(&["submodule", "--quiet", "add", &address, "sub"]);
    repository.write(".gitattributes", "* filter=evil");
    repository.write("a", "a");
    let hook = repository.dir.path().join(".git/hooks/post-checkout");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\ntouch {}\n", proof.display())).unwrap();
    let commit = repository.commit();
    let (_dir, checkout) = fetch(&fetcher(), &repository, &commit).await;
    let tree = checkout.unwrap().tree;
    assert_eq!(names(&tree), [".gitattributes", ".gitmodules", "a", "sub"]);
    assert_eq!(names(&tree.join("sub")), Vec::<String>::new());
    assert!(!proof.exists());
}

/// A commit with entries that git itself would not make.
fn forged(repository: &Repository, entries: &[(&str, &str)]) -> Commit {
    let mut tree = Vec::new();
    for (mode, name) in entries {
        repository.write("blob", "[core]\n\tfsmonitor = touch pwned\n");
        let blob = repository.git(&["hash-object", "-w", "blob"]);
        tree.extend(format!("{mode} {name}\0").bytes());
        tree.extend(hex::decode(blob).unwrap());
    }
    std::fs::write(repository.dir.path().join("tree"), tree).unwrap();
    let tree = repository.git(&["hash-object", "-w", "-t", "tree", "--literally", "tree"]);
    let commit = repository.git(&["commit-tree", "-m", "forged", &tree]);
    repository.git(&["update-ref", "refs/heads/forged", &commit]);
    commit.parse().unwrap()
}

#[tokio::test]
async fn forged_paths_are_not_written() {
    for name in [".git", ".GIT", "..", "git~1", ".g\u{200c}it", "a/../../b"] {
        let repository = Repository::new();
        let commit = forged(&repository, &[("100644", name)]);
        let (dir, fetched) = fetch(&fetcher(), &repository, &commit).await;
        assert!(fetched.is_err(), "{name}: {fetched:?}");
        assert!(names(dir.path()).iter().all(|name| ["home", "repository", "tree"].contains(&name.as_str())));
        assert_eq!(names(&dir.path().join("tree")), Vec::<String>::new(), "{name}");
    }
}

#[tokio::test]
async fn sizes_are_bounded_before_a_file_is_written() {
    let repository = Repository::new();
    // A hundred kilobytes packed, a hundred megabytes unpacked.
    repository.write("zeros", &"0".repeat(100 << 20));
    let large = repository.commit();
    repository.git(&["rm", "--quiet", "zeros"]);
    for n in 0..20 {
        repository.write(&n.to_string(), "");
    }
    let many = repository.commit();
    let config = Config { size_bytes: 10 << 20, files: 10, ..fetcher().config };
    for commit in [large, many] {
        let (dir, fetched) = fetch(&Fetcher::new(config.clone()), &repository, &commit).await;
        assert!(matches!(fetched, Err(Error::TooLarge { .. })), "{fetched:?}");
        assert_eq!(names(&dir.path().join("tree")), Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_silent_server_costs_its_time_only() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: GitUrl = format!("git://{}/app", listener.local_addr().unwrap()).parse().unwrap();
    let config = Config { schemes: [Scheme::Git].into(), timeout_seconds: 1, ..Config::default() };
    let branch: Branch = "main".parse().unwrap();
    let outcome = Fetcher::new(config).ls_remote(&url, &branch, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(outcome, Error::TimedOut { .. }) && outcome.is_retryable(), "{outcome:?}");

    let stop = CancellationToken::new();
    stop.cancel();
    let config = Config { schemes: [Scheme::Git].into(), ..Config::default() };
    let outcome = Fetcher::new(config).ls_remote(&url, &branch, &stop).await;
    assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}");
}

#[tokio::test]
async fn no_error_tells_a_password() {
    let config = Config { schemes: [Scheme::Http].into(), timeout_seconds: 10, ..Config::default() };
    let url: GitUrl = "http://bot:s3cret@127.0.0.1:1/app".parse().unwrap();
    let branch: Branch = "main".parse().unwrap();
    let error = Fetcher::new(config).ls_remote(&url, &branch, &CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, Error::Git { .. }) && error.is_retryable(), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("s3cret"));
}

#[test]
fn sizes_come_from_the_listing() {
    assert_eq!(entry_size(b"100644 blob 1234     17\ta name 99"), 17);
    assert_eq!(entry_size(b"160000 commit 1234       -\tsub"), 0);
}
