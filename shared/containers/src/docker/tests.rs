//! The driver against real daemons: what it finds, what it hears, and that a command runs at most once.

use std::{os::unix::fs::symlink, path::Path, time::Duration};

use artifact::ImageRef;
use futures::{StreamExt, future::join_all};
use testkit::{command::run, docker::Dockerd, tools, wait::eventually};
use tokio::{process::Command, task::JoinSet, time::Instant};

use crate::{Config, Container, ContainerId, Ending, Error, ExecId, ExecState, Image, Lifecycle, Runtime};

const BOUND: Duration = Duration::from_secs(60);
const LIMIT: usize = 64 * 1024;

/// A daemon with an image `team/app:1` of one layer, and the driver that is checked against it.
struct Bench {
    daemon: Dockerd,
    runtime: Runtime,
}

impl Bench {
    async fn start() -> Self {
        let daemon = Dockerd::start(testkit::docker::Options::default()).await.unwrap();
        let runtime = Runtime::new(&Config { socket: daemon.socket(), ..Config::default() });
        let bench = Self { daemon, runtime };
        let directory = tempfile::tempdir().unwrap();
        let archive = archive(directory.path()).await;
        let label = "LABEL org.opencontainers.image.base.name=registry.test/bases/busybox:10.4.8 part=image";
        bench.docker(&["import", "--change", label, &archive, "team/app:1"]).await;
        bench
    }

    async fn docker(&self, arguments: &[&str]) -> String {
        self.daemon.docker(arguments).await.unwrap().success().unwrap()
    }

    async fn sleeper(&self, name: &str) -> ContainerId {
        let run = ["run", "--detach", "--network", "none", "--name", name, "team/app:1", "sleep", "600"];
        self.docker(&run).await.parse().unwrap()
    }

    async fn prepare(&self, container: &ContainerId, argv: &[&str]) -> ExecId {
        let argv: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        self.runtime.prepare(container, &argv, None).await.unwrap()
    }

    /// Runs a command to its end.
    async fn check(&self, container: &ContainerId, argv: &[&str], ending: Ending, output: &str) {
        let exec = self.prepare(container, argv).await;
        let outcome = self.runtime.start(&exec, LIMIT, BOUND).await.unwrap();
        assert_eq!(outcome.ending, ending, "{argv:?}: {}", outcome.output);
        assert!(outcome.output.contains(output), "{argv:?}: {}", outcome.output);
        assert!(!outcome.is_cut);
    }

    async fn state(&self, exec: &ExecId) -> ExecState {
        self.runtime.exec_state(exec).await.unwrap()
    }

    async fn becomes(&self, exec: &ExecId, state: ExecState) {
        let what = format!("command {exec} to be {state:?}");
        eventually(what, BOUND, async || self.state(exec).await == state).await.unwrap();
    }
}

/// An image's file system: busybox under the names that the tests use.
async fn archive(directory: &Path) -> String {
    let programs = directory.join("root/bin");
    std::fs::create_dir_all(&programs).unwrap();
    std::fs::create_dir(directory.join("root/etc")).unwrap();
    std::fs::write(directory.join("root/etc/passwd"), "nobody:x:65534:65534::/:/bin/sh\n").unwrap();
    std::fs::copy(tools::busybox(), programs.join("busybox")).unwrap();
    for name in ["sh", "sleep", "echo", "cat", "id", "yes", "head"] {
        symlink("busybox", programs.join(name)).unwrap();
    }
    let path = directory.join("image.tar");
    let mut tar = Command::new("tar");
    tar.arg("--create").arg("--file").arg(&path).arg("--directory").arg(directory.join("root")).arg(".");
    run(tar, BOUND).await.unwrap().success().unwrap();
    path.to_str().unwrap().to_owned()
}

fn names(container: &Container) -> Vec<String> {
    container.facts.references.iter().map(ImageRef::to_string).collect()
}

#[tokio::test]
async fn containers_come_with_the_facts_of_their_images() {
    let bench = Bench::start().await;
    let runtime = &bench.runtime;
    assert_eq!(runtime.running().await.unwrap(), []);
    let sleeper = bench.sleeper("sleeper").await;
    bench.docker(&["tag", "team/app:1", "other/name:2"]).await;
    let run = ["run", "--detach", "--network", "none", "--label", "part=container", "--rm"];
    bench.docker(&[&run[..], &["--name", "second", "other/name:2", "sleep", "600"]].concat()).await;
    bench.docker(&["pause", "second"]).await;
    let idle =
        bench.docker(&["create", "--name", "idle", "--network", "none", "team/app:1", "sleep", "1"]).await;

    let mut running = runtime.running().await.unwrap();
    running.sort_by(|a, b| b.name.cmp(&a.name));
    let [first, second] = running.as_slice() else { panic!("{running:?}") };
    assert_eq!((first.name.as_str(), &first.id), ("sleeper", &sleeper));
    assert_eq!(first.image_name, "team/app:1");
    assert_eq!(names(first), ["docker.io/team/app:1", "docker.io/other/name:2"]);
    assert!(first.facts.digests.contains(&first.image_id) && first.facts.is_resolved());
    assert_eq!(first.facts.layers.len(), 1);
    assert_eq!(first.facts.platform.as_ref().unwrap().os, "linux");
    let claimed: Vec<_> = first.facts.claimed_bases.iter().map(ImageRef::to_string).collect();
    assert_eq!(claimed, ["registry.test/bases/busybox:10.4.8"]);
    assert_eq!(first.labels["part"], "image");
    let started_at = bench.docker(&["inspect", "--format", "{{.State.StartedAt}}", "sleeper"]).await;
    assert_eq!(first.started_at.as_ref(), Some(&started_at));
    assert!(!first.is_removed_at_end && second.is_removed_at_end);
    assert_eq!((second.image_name.as_str(), second.labels["part"].as_str()), ("other/name:2", "container"));
    assert!(second.is_running, "a paused container runs");

    assert_eq!(runtime.container("sleeper").await.unwrap().as_ref(), Some(first));
    let by_id = runtime.container(&sleeper.as_str()[..12]).await.unwrap();
    assert_eq!(by_id.as_ref(), Some(first));
    let idle = runtime.container(&idle).await.unwrap().unwrap();
    assert_eq!((idle.name.as_str(), idle.is_running, &idle.started_at), ("idle", false, &None));
    for absent in ["absent", "", "../images/team", "a?b"] {
        assert_eq!(runtime.container(absent).await.unwrap(), None, "{absent}");
    }

    for name in ["team/app:1", "docker.io/team/app:1", first.image_id.as_str(), first.image_id.short()] {
        let Image { id, facts } = runtime.image(name).await.unwrap().unwrap();
        assert_eq!(id, first.image_id);
        assert_eq!((facts.layers, facts.digests), (first.facts.layers.clone(), first.facts.digests.clone()));
        assert_eq!(facts.references.len(), 2, "{name}: {:?}", facts.references);
    }
    for absent in ["team/app:2", "absent", "", "../containers/sleeper", "a?b"] {
        assert_eq!(runtime.image(absent).await.unwrap(), None, "{absent}");
    }

    for container in [&sleeper, &second.id, &sleeper] {
        runtime.remove(container).await.unwrap();
    }
    assert_eq!(runtime.running().await.unwrap(), []);
    bench.docker(&["image", "rm", "--force", first.image_id.as_str()]).await;
    let lost = runtime.container("idle").await.unwrap().unwrap();
    assert!(!lost.facts.is_resolved() && lost.facts.digests.contains(&lost.image_id));
}

#[tokio::test]
async fn a_watch_hears_each_change_and_ends_with_the_daemon() {
    let bench = Bench::start().await;
    let mut events = bench.runtime.watch();
    let id = bench.sleeper("sleeper").await;
    // The subscription is made with the first poll, after the start: what was before is told too.
    let mut next = async || tokio::time::timeout(BOUND, events.next()).await.unwrap();
    assert_eq!(next().await.unwrap().unwrap(), Lifecycle::Started { id: id.clone() });
    bench.docker(&["kill", "sleeper"]).await;
    assert_eq!(next().await.unwrap().unwrap(), Lifecycle::Died { id: id.clone() });
    bench.docker(&["rm", "sleeper"]).await;
    assert_eq!(next().await.unwrap().unwrap(), Lifecycle::Destroyed { id });
    bench.daemon.stop().unwrap();
    assert!(next().await.is_none_or(|event| event.is_err()));
    assert!(next().await.is_none());
}

#[tokio::test]
async fn a_command_runs_once_and_says_how_it_ended() {
    let bench = Bench::start().await;
    let runtime = &bench.runtime;
    let id = bench.sleeper("sleeper").await;
    bench.check(&id, &["echo", "$(id) \n;", "two  words"], Ending::Exited(0), "$(id) \n; two  words").await;
    bench.check(&id, &["sh", "-c", "echo out; echo err >&2; exit 3"], Ending::Exited(3), "err\n").await;
    // Docker says the same of a command that it lost sight of.
    bench.check(&id, &["sh", "-c", "exit 126"], Ending::Unknown, "").await;
    bench.check(&id, &["absent"], Ending::Exited(126), "absent").await;
    let user = runtime.prepare(&id, &["id".to_owned(), "-u".to_owned()], Some("nobody")).await.unwrap();
    assert_eq!(runtime.start(&user, LIMIT, BOUND).await.unwrap().output, "65534\n");

    let much = bench.prepare(&id, &["sh", "-c", "yes | head -c 3000000; exit 4"]).await;
    let outcome = runtime.start(&much, 1000, BOUND).await.unwrap();
    assert_eq!((outcome.ending, outcome.output.len(), outcome.is_cut), (Ending::Exited(4), 1000, true));

    let exec = bench.prepare(&id, &["sh", "-c", "echo ran >> /runs"]).await;
    assert_eq!(bench.state(&exec).await, ExecState::NeverStarted);
    let starts = join_all((0..8).map(|_| runtime.start(&exec, LIMIT, BOUND))).await;
    assert!(starts.iter().any(Result::is_ok));
    assert_eq!(bench.state(&exec).await, ExecState::Exited(0));
    let again = runtime.start(&exec, LIMIT, BOUND).await;
    assert!(matches!(again, Err(Error::AlreadyStarted { .. })), "{again:?}");
    assert_eq!(bench.docker(&["exec", "sleeper", "cat", "/runs"]).await, "ran");

    let unused = bench.prepare(&id, &["echo"]).await;
    bench.docker(&["pause", "sleeper"]).await;
    for refused in [
        runtime.prepare(&id, &["echo".to_owned()], None).await.map(|_| ()),
        runtime.start(&unused, LIMIT, BOUND).await.map(|_| ()),
    ] {
        assert!(matches!(refused, Err(Error::NotRunning { .. })), "{refused:?}");
    }
    assert_eq!(bench.state(&unused).await, ExecState::NeverStarted);
    bench.docker(&["unpause", "sleeper"]).await;
    bench.docker(&["kill", "sleeper"]).await;
    bench.becomes(&unused, ExecState::Gone).await;
    assert_eq!(bench.state(&exec).await, ExecState::Exited(0));
    let gone = runtime.start(&unused, LIMIT, BOUND).await;
    assert!(gone.is_err_and(|error| error.is_not_found()));
    let stopped = runtime.prepare(&id, &["echo".to_owned()], None).await;
    assert!(matches!(stopped, Err(Error::NotRunning { .. })), "{stopped:?}");
    runtime.remove(&id).await.unwrap();
    let absent = runtime.prepare(&id, &["echo".to_owned()], None).await;
    assert!(absent.is_err_and(|error| error.is_not_found() && !error.is_retryable()));
    assert_eq!(bench.state(&exec).await, ExecState::Gone);
}

#[tokio::test]
async fn a_command_outlives_who_started_it_and_not_its_time() {
    let bench = Bench::start().await;
    let id = bench.sleeper("sleeper").await;

    let script = "echo began; while [ ! -e /go ]; do sleep 0.05; done; echo done | cat - >> /runs; echo end";
    let exec = bench.prepare(&id, &["sh", "-c", script]).await;
    let mut starter = JoinSet::new();
    let (runtime, started) = (bench.runtime.clone(), exec.clone());
    starter.spawn(async move { runtime.start(&started, LIMIT, BOUND).await });
    bench.becomes(&exec, ExecState::Running).await;
    // As if this process had crashed: the connection goes.
    starter.shutdown().await;
    assert_eq!(bench.state(&exec).await, ExecState::Running);
    let again = bench.runtime.start(&exec, LIMIT, BOUND).await;
    assert!(matches!(again, Err(Error::AlreadyStarted { .. })), "{again:?}");
    bench.docker(&["exec", "sleeper", "sh", "-c", "> /go"]).await;
    bench.becomes(&exec, ExecState::Ended).await;
    assert_eq!(bench.docker(&["exec", "sleeper", "cat", "/runs"]).await, "done");

    for script in ["echo began; sleep 601", "trap '' TERM; echo began; while :; do sleep 602; done"] {
        let exec = bench.prepare(&id, &["sh", "-c", script]).await;
        let clock = Instant::now();
        let outcome = bench.runtime.start(&exec, LIMIT, Duration::from_secs(2)).await.unwrap();
        assert_eq!(outcome.ending, Ending::TimedOut { is_stopped: true }, "{script}");
        assert_eq!(outcome.output, "began\n", "{script}");
        assert!(clock.elapsed() < Duration::from_secs(30), "{:?}", clock.elapsed());
    }
    let processes = bench.docker(&["top", "sleeper", "-o", "pid,args"]).await;
    assert!(!processes.contains("sleep 601") && !processes.contains("sleep 602"), "{processes}");

    // Its container goes while it runs.
    let exec = bench.prepare(&id, &["sh", "-c", "> /began; exec sleep 603"]).await;
    let removal = async {
        let began = ["exec", "sleeper", "cat", "/began"];
        eventually("the command to begin", BOUND, async || bench.daemon.docker(&began).await?.success())
            .await
            .unwrap();
        bench.runtime.remove(&id).await.unwrap();
    };
    let (outcome, ()) = tokio::join!(bench.runtime.start(&exec, LIMIT, BOUND), removal);
    let ending = outcome.unwrap().ending;
    assert!(matches!(ending, Ending::Unknown | Ending::Exited(137)), "{ending:?}");
}

#[tokio::test]
async fn an_absent_or_silent_daemon_is_an_error_to_be_retried() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    let config = Config { socket: socket.clone(), timeout: Duration::from_millis(200) };
    let runtime = Runtime::new(&config);
    let absent = runtime.running().await.unwrap_err();
    assert!(matches!(absent, Error::Unreachable { .. }) && absent.is_retryable(), "{absent:?}");
    let event = runtime.watch().collect::<Vec<_>>().await;
    assert!(matches!(event.as_slice(), [Err(Error::Unreachable { .. })]), "{event:?}");
    // It accepts and says nothing.
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let silent = runtime.running().await.unwrap_err();
    assert!(matches!(silent, Error::TimedOut { .. }) && silent.is_retryable(), "{silent:?}");
    drop(listener);
    // Whoever listened has gone, and left the socket behind.
    let refused = runtime.running().await.unwrap_err();
    assert!(matches!(refused, Error::Unreachable { .. }) && refused.is_retryable(), "{refused:?}");
}
