//! A gate whose disk was full: what was ordered meanwhile holds after a start without a broker. The disk is real, small, and in memory; making one
//! takes root.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::PathBuf,
    process::Command,
};

use testkit::wait::eventually;
use verdict::{Decision, Sequence};

use crate::{site::BOUND, stale::Post};

/// The condition that is shown meanwhile.
const CONDITION: &str = "The journal cannot be written";

/// So many orders are more than what a store keeps in memory before it writes.
const MANY: usize = 200;

/// A file system in memory; gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m", "plimsoll"]).arg(folder.path());
        assert!(mount.status().unwrap().success(), "no file system can be mounted; this test takes root");
        Self(folder)
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    fn fill(&self) {
        let mut ballast = File::create(self.ballast()).unwrap();
        for size in [1 << 20, 1 << 12, 1] {
            let chunk = vec![0; size];
            let full = std::iter::repeat_with(|| ballast.write_all(&chunk)).find_map(Result::err);
            assert_eq!(full.map(|error| error.kind()), Some(ErrorKind::StorageFull));
        }
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still runs on it ends with the test.
        Command::new("umount").arg("--lazy").arg(self.0.path()).status().ok();
    }
}

#[tokio::test]
async fn what_was_ordered_while_the_disk_was_full_holds_without_a_broker() {
    let disk = Disk::make();
    let mut post = Post::start_in(Some(&disk.0.path().join("gate"))).await;
    post.has_condition(CONDITION, false).await;
    disk.fill();
    let mut last = Sequence(0);
    for _ in 0..MANY {
        last = post.ban("team/none:1").await;
    }
    post.has_condition(CONDITION, true).await;
    let missed = post.ban("team/other:1").await;
    assert!(missed > last);
    eventually("the gate to know the ban", BOUND, async || {
        post.ask("team/other:1", "create").await.decision == Decision::Refuse
    })
    .await
    .unwrap();
    disk.free();
    post.has_condition(CONDITION, false).await;

    post.gate.terminate(BOUND).await.unwrap();
    post.broker.kill().await;
    let opened = post.gate.log().matches("The journal is read.").count();
    post.gate.restart().unwrap();
    let log = post.gate.log_reader();
    post.gate
        .ready(BOUND, async || log.text().matches("The journal is read.").count() > opened)
        .await
        .unwrap();
    // Every order and the one index, without a hole.
    let read = post.gate.log();
    let read = read.lines().rfind(|line| line.contains("The journal is read.")).unwrap();
    assert!(read.contains(&format!("count={} ", missed.0 + 1)), "{read}");
    for image in ["team/other:1", "team/app:1"] {
        let reply = post.ask(image, "create").await;
        assert!(reply.decision == Decision::Refuse && reply.message.contains("CVE-2024-1"), "{reply:?}");
    }
}
