//! Every process that `plimsoll up` keeps is replaced, however it ends: asked to, by a fault of its own, or frozen without an end.

use std::fs;

use anyhow::{Context, Result};
use events::topology::Role;
use rustix::process::{Pid, Signal, kill_process};
use testkit::wait::eventually;
use tests::{
    pipeline::{Pipeline, RECOVERY},
    world::STEP,
};

pub(crate) fn signal(process: u32, signal: Signal) -> Result<()> {
    let process = i32::try_from(process).ok().and_then(Pid::from_raw).context("no process id")?;
    Ok(kill_process(process, signal)?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_is_replaced_however_it_ends() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let mut wrong = Vec::new();
    let endings = [
        ("SIGTERM", Signal::TERM),
        ("SIGINT", Signal::INT),
        ("SIGKILL", Signal::KILL),
        ("SIGSTOP", Signal::STOP),
    ];
    for (name, sent) in endings {
        let before = pipeline.all().await.unwrap();
        for (process, _) in before.values() {
            signal(*process, sent).unwrap();
        }
        if let Err(error) = pipeline.replaced(name, &before).await {
            wrong.push(format!("{error:#}"));
            // The next row begins with processes that live.
            for (process, _) in before.values() {
                signal(*process, Signal::KILL).ok();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}\n{}", pipeline.up.log());
    pipeline.up.terminate(STEP).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_is_replaced_however_it_ends() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let works = async || -> Result<()> {
        pipeline.status().await?.success()?;
        Ok(())
    };
    eventually("every role to answer", STEP, works).await.unwrap();
    for (name, sent) in [("SIGTERM", Signal::TERM), ("SIGKILL", Signal::KILL), ("SIGSTOP", Signal::STOP)] {
        let before = pipeline.process("nats-server").unwrap();
        signal(before, sent).unwrap();
        let again = async || pipeline.process("nats-server").is_ok_and(|now| now != before);
        if let Err(error) =
            eventually(format_args!("the broker to be replaced after {name}"), RECOVERY, again).await
        {
            panic!("{error:#}\n{}", pipeline.up.log());
        }
        // Every role has found its way back, too; and what asked for the broker's version is no longer taken for the broker.
        if let Err(error) =
            eventually(format_args!("every role to answer after {name}"), RECOVERY, works).await
        {
            panic!("{error:#}\n{}", pipeline.up.log());
        }
    }
    pipeline.up.terminate(STEP).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_outlives_a_supervisor_that_is_killed() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let mut left: Vec<u32> =
        pipeline.all().await.unwrap().into_values().map(|(process, _)| process).collect();
    left.push(pipeline.process("nats-server").unwrap());
    pipeline.up.kill().unwrap();
    let gone = async || {
        left.retain(|process| is_alive(*process));
        left.is_empty()
    };
    eventually("every process to end", RECOVERY, gone).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn status_names_the_roles_that_are_down_and_says_what_is_known() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let up = async || -> Result<()> {
        pipeline.status().await?.success()?;
        Ok(())
    };
    eventually("every role to answer", STEP, up).await.unwrap();
    for (frozen, known) in [("notifier", true), ("invalidator", false), ("gate", true)] {
        let before = pipeline.process(frozen).unwrap();
        signal(before, Signal::STOP).unwrap();
        let said = pipeline.status().await.unwrap();
        assert_eq!(said.code, Some(3), "{frozen}: {}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(&format!("down: {frozen}\n")), "{frozen}: {}", said.stdout);
        assert_eq!(said.stdout.contains("0 orders"), known, "{frozen}: {}", said.stdout);
        signal(before, Signal::CONT).unwrap();
        eventually(format_args!("{frozen} to answer again"), RECOVERY, up).await.unwrap();
    }
    pipeline.up.terminate(STEP).await.unwrap();
}

/// Whether the process runs; what has ended and is only waited for does not.
fn is_alive(process: u32) -> bool {
    fs::read_to_string(format!("/proc/{process}/stat"))
        .is_ok_and(|stat| stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z')))
}

/// A seed that is gone for a while is a fault that each of them has by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_role_comes_back_after_its_own_faults() {
    let _machine = super::machine().await;
    let mut pipeline = Pipeline::start().await.unwrap();
    let before = pipeline.all().await.unwrap();
    let (keys, away) = (pipeline.data().join("keys"), pipeline.data().join("away"));
    fs::rename(&keys, &away).unwrap();
    for (process, _) in before.values() {
        signal(*process, Signal::KILL).unwrap();
    }
    for role in Role::ALL {
        let log = pipeline.data().join(format!("logs/{role}.log"));
        let failed = async || {
            let text = fs::read_to_string(&log).unwrap_or_default();
            text.matches("The service ends.").count() >= 2
        };
        let what = format_args!("{role} to fail, and to be tried again");
        if let Err(error) = eventually(what, RECOVERY, failed).await {
            panic!("{error:#}\n{}", pipeline.up.log());
        }
    }
    fs::rename(&away, &keys).unwrap();
    if let Err(error) = pipeline.replaced("a fault", &before).await {
        panic!("{error:#}\n{}", pipeline.up.log());
    }
    pipeline.up.terminate(STEP).await.unwrap();
}
