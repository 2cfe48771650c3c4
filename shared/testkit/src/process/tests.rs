//! Processes as they start, crash, come again and vanish.

use super::*;

const SOON: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// True while the process exists and is no zombie.
fn lives(id: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z')))
}

async fn child_named_in_log(process: &mut Process) -> u32 {
    let log = process.log_reader();
    process.ready(SOON, async || log.text().lines().last()?.trim().parse::<u32>().ok()).await.unwrap()
}

#[tokio::test]
async fn drop_takes_the_whole_group() {
    let mut process = Process::start("family", shell("sleep 600 & echo $!; wait")).unwrap();
    let (parent, child) = (process.id(), child_named_in_log(&mut process).await);
    assert!(lives(parent) && lives(child));
    drop(process);
    eventually("both to be gone", SOON, async || !lives(parent) && !lives(child)).await.unwrap();
}

#[tokio::test]
async fn a_crash_leaves_children_until_the_drop() {
    let mut process = Process::start("family", shell("sleep 600 & echo $!; wait")).unwrap();
    let child = child_named_in_log(&mut process).await;
    process.kill().unwrap();
    process.kill().unwrap();
    assert!(lives(child));
    drop(process);
    eventually("the orphan to be gone", SOON, async || !lives(child)).await.unwrap();
}

#[tokio::test]
async fn restarts_with_the_same_command_and_keeps_the_log() {
    let mut process = Process::start("counter", shell("echo up; exec sleep 600")).unwrap();
    let log = process.log_reader();
    let lines = async || log.text().lines().count();
    process.ready(SOON, async || lines().await == 1).await.unwrap();
    let first = process.id();
    process.restart().unwrap();
    process.ready(SOON, async || lines().await == 2).await.unwrap();
    assert!(!lives(first) && lives(process.id()));
}

#[tokio::test]
async fn an_early_end_is_reported_with_its_log() {
    let mut process = Process::start("brief", shell("echo no such bridge; exit 7")).unwrap();
    let error = process.ready(Duration::from_secs(600), async || false).await.unwrap_err();
    let message = format!("{error:#}");
    assert!(message.contains("no such bridge") && message.contains("exit status: 7"), "{message}");
}

#[tokio::test]
async fn terminate_yields_the_exit_status() {
    let mut process =
        Process::start("polite", shell("trap 'exit 5' TERM; echo up; while :; do sleep 0.01; done")).unwrap();
    let log = process.log_reader();
    process.ready(SOON, async || log.text().contains("up")).await.unwrap();
    assert_eq!(process.terminate(SOON).await.unwrap().code(), Some(5));
}

#[test]
fn an_absent_program_is_named() {
    let error = Process::start("ghost", Command::new("/no/such/program")).unwrap_err();
    assert!(format!("{error:#}").contains("/no/such/program"));
}

#[test]
fn ports_differ() {
    let (first, second) = (free_port().unwrap(), free_port().unwrap());
    assert_ne!(first, second);
}

/// What a killed test process leaves is killed by the watchdog: this test runs itself as that process.
#[tokio::test]
async fn a_killed_test_process_leaves_nothing() {
    const ROLE: &str = "TESTKIT_PROCESS_TEST_ROLE";
    if std::env::var_os(ROLE).is_some() {
        let process = Process::start("left", shell("sleep 600 & wait")).unwrap();
        println!("child={}", process.id());
        std::future::pending::<()>().await;
    }
    let mut itself = Command::new(std::env::current_exe().unwrap());
    itself
        .args(["--exact", "process::tests::a_killed_test_process_leaves_nothing", "--nocapture"])
        .env(ROLE, "victim");
    let mut victim = Process::start("victim", itself).unwrap();
    let log = victim.log_reader();
    let left: u32 = victim
        .ready(SOON, async || {
            let log = log.text();
            log.split_once("child=")?.1.split_once('\n')?.0.parse().ok()
        })
        .await
        .unwrap();
    assert!(lives(left));
    victim.kill().unwrap();
    eventually("the watchdog to kill what was left", SOON, async || !lives(left)).await.unwrap();
}
