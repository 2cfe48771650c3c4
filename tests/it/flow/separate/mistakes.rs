//! What a binary says of a file that it cannot use, of a name that cannot be, and of a broker that is not there.

use std::{fs, process::Command, time::Duration};

use events::topology::Role;
use testkit::{command::run, process::free_port};
use tests::world::{plimsoll, program};

/// A service waits half a minute for a broker that starts beside it.
const WAIT: Duration = Duration::from_secs(60);

async fn ends(role: Role, text: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.toml");
    fs::write(&file, text).unwrap();
    let mut command = Command::new(program(role.as_str()));
    command.arg("--config").arg(&file);
    let ended = run(command.into(), WAIT).await.unwrap();
    (ended.code, format!("{}{}", ended.stdout, ended.stderr).replace(&file.display().to_string(), "FILE"))
}

#[tokio::test]
async fn a_mistake_is_named_with_file_section_and_key() {
    for role in Role::ALL {
        let text = format!("[nats]\nurll = \"nats://127.0.0.1:1\"\n[{role}]\nno_such_key = 1\n[shoe]\n");
        let (code, said) = ends(role, &text).await;
        assert_eq!(code, Some(2), "{role}: {said}");
        for part in ["FILE", "[nats]", "urll", &format!("[{role}]"), "no_such_key", "[shoe]"] {
            assert!(said.contains(part), "{role} does not name {part}: {said}");
        }
        assert!(!said.contains("panicked"), "{said}");
    }
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_a_fault_outside() {
    let text = format!("[nats]\nurl = \"nats://127.0.0.1:{}\"\n", free_port().unwrap());
    let (code, said) = ends(Role::Scanner, &text).await;
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("no connection to NATS") && said.contains("[nats] url"), "{said}");
}

#[tokio::test]
async fn a_node_that_cannot_stand_in_a_subject_gets_no_account() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    for node in ["harbour.>", "*", "", "Harbour"] {
        let mut command = plimsoll();
        command.args(["broker-config", "--operator", "alice", "--node", "quay", "--node", node, "--keys"]);
        command.arg(&keys);
        let ended = run(command.into(), WAIT).await.unwrap();
        assert_eq!(ended.code, Some(2), "{node}: {}{}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("--node") && ended.stdout.is_empty(), "{}", ended.stderr);
        assert!(!keys.exists(), "keys were made for {node}");
    }
}

#[tokio::test]
async fn all_mistakes_of_a_pipeline_are_told_at_once_and_in_its_own_file() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("up.toml"),
        "[up]\nport = 0\n[worker]\nslots = 0\n[gate]\nsockt = \"x\"\n[shoe]\n",
    )
    .unwrap();
    let mut command = plimsoll();
    command.args(["up", "--data", "data", "--config", "up.toml"]).current_dir(folder.path());
    let ended = run(command.into(), WAIT).await.unwrap();
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in ["up.toml cannot be used", "[up] port", "[worker] slots", "sockt", "[shoe]"] {
        assert!(ended.stderr.contains(part), "{part} is missing in: {}", ended.stderr);
    }
    assert!(!ended.stderr.contains("worker.toml") && !ended.stderr.contains("panicked"), "{}", ended.stderr);
}
