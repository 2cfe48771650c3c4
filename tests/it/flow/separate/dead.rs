//! A message that no worker can handle is listed for the operator, and tried again on their word.

use std::{ffi::OsStr, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use testkit::{
    command::{Finished, run},
    wait::eventually,
};
use tests::{
    apart::Broker,
    wire::Wire,
    world::{OPERATOR, STEP, plimsoll},
};

/// The first message of the queue, as `plimsoll redrive` names its letter.
const LETTER: &str = "WORK_BUILD/worker-routine/1";

/// Needs a worker, and a queue that has held nothing yet.
pub(super) async fn letters_are_listed_and_redriven(broker: &Broker) -> Result<()> {
    let context = broker.folder().join("context.json");
    let seed = broker.seed(&format!("operator-{OPERATOR}"));
    let text = json!({"description": "", "url": broker.url(), "nkey": seed, "operator": OPERATOR});
    fs::write(&context, text.to_string())?;
    let listed = redrive(&context, None).await?;
    ensure!(listed.code == Some(0) && listed.stdout.is_empty(), "nothing is dead yet: {listed:?}");

    let mut admin = Wire::connect(broker.url(), &broker.seed("provision-pipe")).await?;
    admin.subscribe("_INBOX.stored").await?;
    admin
        .publish("plimsoll.work.build.routine.app", "_INBOX.stored", br#"{"commit": "but no project"}"#)
        .await?;
    admin.next().await.context("the broker stores the job")?;
    let waits = async || -> Result<()> {
        let listed = redrive(&context, None).await?;
        ensure!(listed.stdout.contains(LETTER) && listed.stdout.contains("1 deliveries"), "{listed:?}");
        Ok(())
    };
    eventually("the job to be laid aside", STEP, waits).await?;

    let again = redrive(&context, Some(LETTER)).await?;
    ensure!(
        again.code == Some(3) && again.stdout.contains("2 deliveries"),
        "it cannot be handled: {again:?}"
    );
    let unknown = redrive(&context, Some("WORK_BUILD/worker-routine/999")).await?;
    ensure!(
        unknown.code == Some(2) && unknown.stderr.contains("999"),
        "there is no such letter: {unknown:?}"
    );
    Ok(())
}

async fn redrive(context: &Path, letter: Option<&str>) -> Result<Finished> {
    let mut command = plimsoll();
    command.args([OsStr::new("redrive"), OsStr::new("--context"), context.as_os_str()]).args(letter);
    run(command.into(), STEP).await
}
