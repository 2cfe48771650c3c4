//! A disk that fills up: an alarm before it is full, nothing lost that was acknowledged, and after there is room again everything works by
//! itself. The disk is real, small, and in memory; making one takes root.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{ErrorKind, Write as _},
    path::PathBuf,
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use events::topology::StreamName;
use serde_json::json;
use testkit::{
    foreign::{ForeignClient, Outcome},
    wait::eventually,
};
use tests::{
    facts::stored,
    pipeline::{Pipeline, RECOVERY},
    processes,
    world::STEP,
};

/// Large enough for the pipeline, and quickly filled.
const DISK: &str = "size=300m";
const MIB: usize = 1 << 20;

/// A file system in memory; gone when dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn make() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("plimsoll-disk-").tempdir()?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", DISK, "plimsoll"])
            .arg(folder.path())
            .status()?;
        ensure!(mounted.success(), "no file system can be mounted; this test takes root");
        Ok(Self(folder))
    }

    fn ballast(&self) -> PathBuf {
        self.0.path().join("ballast")
    }

    /// Writes until so many bytes are left.
    fn fill(&self, left_bytes: u64) -> Result<()> {
        let mut ballast = File::options().create(true).append(true).open(self.ballast())?;
        let chunk = vec![0; MIB];
        loop {
            let space = rustix::fs::statvfs(self.0.path())?;
            let room = (space.f_bavail * space.f_frsize).saturating_sub(left_bytes);
            let chunk = chunk.get(..MIB.min(usize::try_from(room)?)).unwrap_or_default();
            match ballast.write_all(chunk) {
                Ok(()) if chunk.is_empty() => return Ok(()),
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn free(&self) -> Result<()> {
        Ok(fs::remove_file(self.ballast())?)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: what still runs on it ends with the test.
        Command::new("umount").arg("--lazy").arg(self.0.path()).status().ok();
    }
}

/// A person who gives orders, and keeps what was acknowledged.
struct Orders {
    person: ForeignClient,
    given: u32,
    acknowledged: BTreeMap<u64, String>,
}

impl Orders {
    /// Gives one order; says whether it was acknowledged.
    async fn give(&mut self) -> Result<bool> {
        self.given += 1;
        let reason = format!("order {} {}", self.given, "x".repeat(4096));
        let body = json!({"image": "registry.example/base/os:1", "reason": reason}).to_string();
        match self.person.publish("plimsoll.base.banned.operator", body.as_bytes()).await {
            Ok(Outcome::Stored { sequence, .. }) => {
                self.acknowledged.insert(sequence, reason);
                Ok(true)
            }
            Ok(Outcome::Refused(_) | Outcome::Silent | Outcome::Sent) | Err(_) => Ok(false),
        }
    }

    /// Fails when one of the acknowledged orders is not in the stream.
    async fn all_there(&self, pipeline: &Pipeline) -> Result<()> {
        let keys = pipeline.data().join("keys");
        let orders = stored(pipeline.broker(), &keys, StreamName::Orders).await?;
        for reason in self.acknowledged.values() {
            let there = orders.iter().any(|fact| fact.text("reason") == reason);
            ensure!(there, "an acknowledged order is lost: {}", reason.trim_end_matches('x'));
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_was_full_is_not_full_for_ever() {
    let _machine = super::machine().await;
    let disk = Disk::make().unwrap();
    let mut pipeline = Pipeline::start_in(Some(&disk.0.path().join("data"))).await.unwrap();
    if let Err(error) = play(&disk, &pipeline).await {
        let log = |role: &str| {
            fs::read_to_string(pipeline.data().join(format!("logs/{role}.log"))).unwrap_or_default()
        };
        panic!("{error:#}\n{}\n{}", pipeline.up.log(), log("invalidator"));
    }
    pipeline.up.terminate(STEP).await.unwrap();
}

async fn play(disk: &Disk, pipeline: &Pipeline) -> Result<()> {
    let seed = pipeline.data().join("keys/operator-operator.nk");
    let mut orders = Orders {
        person: ForeignClient::new(pipeline.broker(), seed),
        given: 0,
        acknowledged: BTreeMap::new(),
    };
    eventually("every role to answer", STEP, async || status(pipeline, "").await).await?;
    ensure!(orders.give().await?, "an order on an empty disk was not stored");
    alarm(disk, pipeline).await?;
    fill(disk, &mut orders).await?;
    // What ends now finds a full disk when it starts.
    for role in ["invalidator", "worker", "notifier"] {
        processes::kill(pipeline.up.id(), role)?;
    }
    let again = async || pipeline.process("invalidator");
    eventually("the invalidator to be tried again", STEP, again).await?;
    ensure!(!orders.give().await?, "an order was stored on a full disk");
    disk.free()?;
    let freed = Instant::now();
    while !orders.give().await? {
        ensure!(
            freed.elapsed() < RECOVERY,
            "no order is stored {:?} after there was room again",
            freed.elapsed()
        );
    }
    let left = RECOVERY.saturating_sub(freed.elapsed());
    eventually("every role to answer, and the alarm to be over", left, async || status(pipeline, "").await)
        .await?;
    let read = format!("{} orders", orders.acknowledged.len());
    eventually("the invalidator to have read every order", STEP, async || status(pipeline, &read).await)
        .await?;
    orders.all_there(pipeline).await
}

/// Raised before the disk is full, said once, and cleared when there is room.
async fn alarm(disk: &Disk, pipeline: &Pipeline) -> Result<()> {
    let said = || pipeline.up.log().matches("is nearly full").count();
    disk.fill(20 << 20)?;
    let shown = async || -> Result<()> {
        let status = pipeline.status().await?;
        ensure!(status.code == Some(0) && status.stdout.contains("is nearly full"), "{}", status.stdout);
        Ok(())
    };
    eventually("the alarm to be shown", STEP, shown).await?;
    ensure!(said() == 1, "said {} times", said());
    disk.free()?;
    eventually("the alarm to be over", STEP, async || status(pipeline, "").await).await
}

/// Fills the disk to the last byte, until no order is stored.
async fn fill(disk: &Disk, orders: &mut Orders) -> Result<()> {
    let began = Instant::now();
    loop {
        disk.fill(0)?;
        if !orders.give().await? {
            return Ok(());
        }
        if began.elapsed() > STEP {
            bail!("{} orders were stored on a full disk", orders.given);
        }
    }
}

/// Whether every role answers, nothing is wrong with any, and it is said.
async fn status(pipeline: &Pipeline, contains: &str) -> Result<()> {
    let said = pipeline.status().await?.success().context("asking for the status")?;
    ensure!(!said.contains("condition of") && said.contains(contains), "{said}");
    Ok(())
}
