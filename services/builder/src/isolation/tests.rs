//! What a place hides, bounds and leaves behind, each tried with a real command.

use std::path::Path;

use tempfile::TempDir;
use testkit::wait::eventually;

use super::*;

struct Place {
    isolation: Isolation,
    scratch: TempDir,
}

struct Ran {
    result: Result<i32, Error>,
    log: String,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let config = Config {
            scratch: scratch.path().to_owned(),
            cgroup_parent: "/plimsoll-test".to_owned(),
            ..Config::default()
        };
        Self { isolation: Isolation::new(config), scratch }
    }

    /// Runs a script inside, and checks that nothing of it stays.
    async fn run(&self, script: &str, limits: Limits, stop: &CancellationToken) -> Ran {
        let workspace = self.isolation.workspace().unwrap();
        let name = workspace.name();
        let mut log = Log::new(limits.log_bytes);
        let command = ["sh", "-c", script].map(OsString::from);
        let result = self.isolation.run(&workspace, &[], &command, &limits, &mut log, stop).await;
        self.isolation.remove(workspace).await.unwrap();
        assert_eq!(std::fs::read_dir(self.scratch.path()).unwrap().count(), 0);
        for controller in ["", "memory", "pids"] {
            assert!(!Path::new("/sys/fs/cgroup").join(controller).join("plimsoll-test").join(&name).exists());
        }
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(&*self.scratch.path().to_string_lossy()));
        Ran { result, log: log.text() }
    }

    async fn say(&self, script: &str) -> String {
        let ran = self.run(script, small(), &CancellationToken::new()).await;
        assert_eq!(ran.result.unwrap(), 0, "{}", ran.log);
        ran.log.trim().to_owned()
    }
}

fn small() -> Limits {
    Limits {
        memory_bytes: 128 << 20,
        processes: 64,
        disk_bytes: 64 << 20,
        wall_seconds: 30,
        log_bytes: 64 << 10,
    }
}

#[tokio::test]
async fn sees_nothing_of_the_machine() {
    let place = Place::new();
    assert_eq!(place.say("busybox ip -o link | busybox grep -vc ' lo: '; true").await, "0");
    let known = "bin|build|dev|etc|lib.*|proc|root|run|sbin|sys|tmp|usr|var";
    assert_eq!(place.say(&format!("ls / | grep -vxE '{known}'; ls -A root; true")).await, "");
    let known = "alternatives|containers|group|ld.so.cache|mtab|passwd|subgid|subuid";
    assert_eq!(place.say(&format!("ls -A /etc | grep -vxE '{known}'; true")).await, "");
    assert_eq!(place.say("ls /run /tmp /var/tmp | tr '\\n' ' '").await, "/run: mount  /tmp:  /var/tmp:");
    let variables = place.say("env | cut -d= -f1 | sort | tr '\\n' ' '").await;
    assert_eq!(variables.trim(), "HOME LC_ALL PATH PWD TMPDIR");
    // Every process that can be seen is of this place.
    let processes: u32 = place.say("ls -d /proc/[0-9]* | wc -l").await.parse().unwrap();
    assert!(processes < 10, "{processes}");
}

#[tokio::test]
async fn root_inside_is_nobody_outside() {
    let place = Place::new();
    assert_eq!(place.say("id -u; cat /proc/self/uid_map | tr -s ' '").await, "0\n 0 524288 16777216");
    for forbidden in [
        "touch /usr/proof",
        "touch /proof",
        "mount -o remount,rw /usr",
        "same=$(cat /proc/sys/kernel/core_pattern); echo \"$same\" > /proc/sys/kernel/core_pattern",
        "mknod /build/tmp/disk b 8 0",
        "echo 0 > /sys/fs/cgroup/pids/cgroup.procs",
        "kill -9 1",
        "nsenter --target 1 --mount true",
    ] {
        let ran = place.run(forbidden, small(), &CancellationToken::new()).await;
        assert_ne!(ran.result.unwrap(), 0, "{forbidden}: {}", ran.log);
    }
}

#[tokio::test]
async fn memory_is_bounded_even_where_a_pipeline_hides_it() {
    let hidden = "(all=$(yes | head -c 500M); echo $all) | wc -c";
    let ran = Place::new().run(hidden, small(), &CancellationToken::new()).await;
    assert!(matches!(ran.result, Err(Error::Memory(_))), "{:?} {}", ran.result, ran.log);
}

#[tokio::test]
async fn a_fork_bomb_ends() {
    let bomb = "bomb() { bomb | bomb & }; bomb; sleep 1000";
    let limits = Limits { wall_seconds: 2, ..small() };
    let ran = Place::new().run(bomb, limits, &CancellationToken::new()).await;
    assert!(matches!(ran.result, Err(Error::Processes(64))), "{:?} {}", ran.result, ran.log);
}

#[tokio::test]
async fn time_is_bounded_for_what_ignores_signals_too() {
    let stubborn = "trap '' TERM INT HUP; setsid sleep 1000 & (sleep 1000 &) ; sleep 1000";
    let limits = Limits { wall_seconds: 1, ..small() };
    let ran = Place::new().run(stubborn, limits, &CancellationToken::new()).await;
    assert!(matches!(ran.result, Err(Error::TimedOut(_))), "{:?} {}", ran.result, ran.log);
}

#[tokio::test]
async fn disk_is_bounded() {
    let ran = Place::new()
        .run("head -c 200M /dev/zero > /build/tmp/a; sleep 1000", small(), &CancellationToken::new())
        .await;
    assert!(matches!(ran.result, Err(Error::Disk { .. })), "{:?} {}", ran.result, ran.log);
}

#[tokio::test]
async fn output_is_cut_with_a_mark() {
    let ran = Place::new().run("yes | head -c 10M; echo end", small(), &CancellationToken::new()).await;
    assert_eq!(ran.result.unwrap(), 0);
    assert!(ran.log.len() < 70_000 && ran.log.contains("left out") && ran.log.ends_with("end\n"));
}

#[tokio::test]
async fn a_stop_is_heard() {
    let stop = CancellationToken::new();
    stop.cancel();
    let ran = Place::new().run("sleep 1000", small(), &stop).await;
    assert!(matches!(ran.result, Err(Error::Cancelled)), "{:?}", ran.result);
}

#[tokio::test]
async fn a_failed_set_up_is_told_from_a_failed_command() {
    let place = Place::new();
    let workspace = place.isolation.workspace().unwrap();
    let views = [View { from: "/nowhere".into(), to: "/x".to_owned() }];
    let mut log = Log::new(4096);
    let stop = CancellationToken::new();
    let (command, limits) = (["true".into()], small());
    let error =
        place.isolation.run(&workspace, &views, &command, &limits, &mut log, &stop).await.unwrap_err();
    assert!(matches!(&error, Error::SetUp { .. }) && error.is_retryable(), "{error:?}");
    drop(workspace);
    let ran = place.run("exit 32", small(), &stop).await;
    assert_eq!(ran.result.unwrap(), 32);
}

#[tokio::test]
async fn dropped_midway_nothing_runs_on() {
    let place = Place::new();
    let workspace = place.isolation.workspace().unwrap();
    let pids = Path::new("/sys/fs/cgroup/pids/plimsoll-test").join(workspace.name());
    let mut log = Log::new(4096);
    let (stop, limits, command) =
        (CancellationToken::new(), small(), ["sh", "-c", "setsid sleep 1000"].map(OsString::from));
    {
        let run = place.isolation.run(&workspace, &[], &command, &limits, &mut log, &stop);
        let started = eventually("it to start", Duration::from_secs(60), async || workspace.is_ready());
        select! { _ = run => unreachable!("it sleeps"), started = started => started.unwrap() }
    }
    assert!(!pids.exists());
}

#[tokio::test]
async fn what_a_killed_worker_left_is_swept() {
    let place = Place::new();
    let workspace = place.isolation.workspace().unwrap();
    let group = Group::create("/plimsoll-test", &workspace.name(), &small()).unwrap();
    let pids = group.dirs().last().unwrap().clone();
    let mut sleeper = Command::new("sleep").arg("1000").kill_on_drop(true).spawn().unwrap();
    for dir in group.dirs() {
        std::fs::write(dir.join("cgroup.procs"), sleeper.id().unwrap().to_string()).unwrap();
    }
    let leftover = place.scratch.path().join(workspace.name());
    // As if we had been killed here.
    std::mem::forget(group);
    std::mem::forget(workspace);
    place.isolation.sweep().await.unwrap();
    assert!(!pids.exists() && !leftover.exists());
    assert!(!sleeper.wait().await.unwrap().success());
}
