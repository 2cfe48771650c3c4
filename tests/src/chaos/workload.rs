//! What goes on while everything fails: bans and lifts, pushes of commits and of images, and questions to the gate.

use std::{
    collections::BTreeMap,
    future::Future,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use bus::order::Given;
use events::order;
use serde_json::json;
use testkit::image::{ImageRecipe, LayerRecipe};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::{
    Clock,
    history::{Check, Look, Meaning, Order},
    schedule::Dice,
    yard::{GOOD, PROJECTS, VERSIONS, Yard},
};
use crate::{asking::Gate, images, world::OPERATOR};

/// Between two orders, between two commits, between two images, and between two checks, in milliseconds.
const ORDERS_MS: (u64, u64) = (500, 1_500);
const COMMITS_MS: (u64, u64) = (6_000, 12_000);
const IMAGES_MS: (u64, u64) = (5_000, 10_000);
const CHECKS_MS: u64 = 100;
/// How long a check waits for a gate: longer than any deadline of the gate's own.
const ANSWER: Duration = Duration::from_secs(5);
/// How long the broker may take to take an order, its own reconnection included.
const STORED: Duration = Duration::from_secs(15);

/// What was recorded while the run went on.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub(super) looks: Mutex<Vec<Look>>,
    pub(super) orders: Mutex<Vec<Order>>,
    pub(super) checks: Mutex<Vec<Check>>,
    /// By project: the last commit that was pushed.
    pub(super) heads: Mutex<BTreeMap<String, String>>,
}

/// The value; a task that failed while it held it does not hide what was recorded.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives orders as one person.
pub(super) struct Person {
    connection: bus::Connection,
}

impl Person {
    pub(super) async fn connect(yard: &Yard) -> Result<Self> {
        let (url, seed_file) = (yard.broker.clone(), Some(yard.operator_seed()));
        let config = bus::Config { url, seed_file, node: String::new() };
        let connection = bus::Connection::connect(&config, OPERATOR, STORED).await?;
        Ok(Self { connection })
    }

    /// Gives an order and waits for its answer.
    pub(super) async fn order(&self, kind: &str, body: String, patience: Duration) -> Result<Given> {
        let operator = OPERATOR.parse().context("the operator's name")?;
        Ok(self.connection.order(kind, &operator, body.into_bytes(), patience).await?)
    }

    /// Gives an order and records it; its answer is read later, where it is stored.
    async fn record(&self, recorded: &Recorded, clock: Clock, meaning: Meaning, kind: &str, body: String) {
        let sent = clock.now();
        let given = timeout(STORED, self.order(kind, body, Duration::ZERO)).await;
        let acknowledged = match given {
            Ok(Ok(Given::Unanswered(sequence))) => Some(sequence),
            Ok(Ok(Given::Accepted(accepted))) => Some(accepted.order.0),
            Ok(Ok(Given::Rejected(rejected))) => Some(rejected.order.0),
            Ok(Err(_)) | Err(_) => None,
        };
        let acknowledged = acknowledged.map(|sequence| (sequence, clock.now()));
        let order = Order { meaning, sent, acknowledged, stored: None, answered: None, rejected: false };
        lock(&recorded.orders).push(order);
    }

    pub(super) async fn ban(
        &self,
        yard: &Yard,
        recorded: &Recorded,
        clock: Clock,
        version: &str,
        severity: &str,
    ) -> Result<()> {
        let target = yard.image(&format!("base/os:{version}"))?.to_string();
        let replacement = yard.image(&format!("base/os:{GOOD}"))?.to_string();
        let body =
            json!({"image": target, "reason": "chaos", "severity": severity, "replacement": replacement});
        self.record(recorded, clock, Meaning::Ban(target), order::BANNED, body.to_string()).await;
        Ok(())
    }

    pub(super) async fn lift(
        &self,
        yard: &Yard,
        recorded: &Recorded,
        clock: Clock,
        version: &str,
    ) -> Result<()> {
        let target = yard.image(&format!("base/os:{version}"))?.to_string();
        let body = json!({"image": target, "reason": "chaos"});
        self.record(recorded, clock, Meaning::Lift(target), order::LIFTED, body.to_string()).await;
        Ok(())
    }
}

/// Bans and lifts, one after the other, until `stop`.
pub(super) async fn orders(
    yard: &Yard,
    recorded: &Recorded,
    clock: Clock,
    seed: u64,
    stop: &CancellationToken,
) -> Result<()> {
    let mut dice = Dice::new(seed);
    let person = Person::connect(yard).await?;
    let mut banned = BTreeMap::new();
    while !stop.is_cancelled() {
        let Some(version) = dice.pick(&VERSIONS).copied() else { continue };
        let is_banned = banned.entry(version).or_insert(false);
        if *is_banned {
            person.lift(yard, recorded, clock, version).await?;
        } else {
            let severity = dice.pick(&["low", "high", "critical"]).copied().unwrap_or("high");
            person.ban(yard, recorded, clock, version, severity).await?;
        }
        *is_banned = !*is_banned;
        pause(&mut dice, ORDERS_MS, stop).await;
    }
    Ok(())
}

/// Commits, until `stop`.
pub(super) async fn commits(
    yard: &Yard,
    recorded: &Recorded,
    seed: u64,
    stop: &CancellationToken,
) -> Result<()> {
    let mut dice = Dice::new(seed);
    for (number, (project, good)) in PROJECTS.into_iter().enumerate() {
        commit(yard, recorded, &mut dice, project, good, number).await?;
    }
    let mut number = PROJECTS.len();
    while !stop.is_cancelled() {
        pause(&mut dice, COMMITS_MS, stop).await;
        if stop.is_cancelled() {
            break;
        }
        let Some((project, good)) = dice.pick(&PROJECTS).copied() else { continue };
        commit(yard, recorded, &mut dice, project, good, number).await?;
        number += 1;
    }
    Ok(())
}

async fn commit(
    yard: &Yard,
    recorded: &Recorded,
    dice: &mut Dice,
    project: &str,
    good: bool,
    number: usize,
) -> Result<()> {
    let version = dice.pick(&VERSIONS).copied().unwrap_or(GOOD);
    let base = yard.image(&format!("base/os:{version}"))?;
    let definition = format!("FROM {base}\nRUN echo {number} > /etc/number\n");
    let host = if good { &yard.git } else { &yard.hanging_git };
    let commit = host.commit_and_push(project, &[("Dockerfile", &definition)], "A change").await?;
    lock(&recorded.heads).insert(project.to_owned(), commit);
    Ok(())
}

/// Images that somebody pushes by hand, until `stop`.
pub(super) async fn pushes(yard: &Yard, seed: u64, stop: &CancellationToken) -> Result<()> {
    let mut dice = Dice::new(seed);
    let mut number = 0_u64;
    while !stop.is_cancelled() {
        let version = dice.pick(&VERSIONS).copied().unwrap_or(GOOD);
        let layer = LayerRecipe::new().file("etc/pushed", number.to_string());
        let image = ImageRecipe::on(&images::base(version)?).layer(layer).make()?;
        image.push(&yard.client, &yard.registry.image(&format!("by-hand/pushed-{version}:latest"))?).await?;
        number += 1;
        pause(&mut dice, IMAGES_MS, stop).await;
    }
    Ok(())
}

/// Asks the gate about `images`, one after the other, until `stop`.
pub(super) async fn checks(
    yard: &Yard,
    recorded: &Recorded,
    clock: Clock,
    images: &[String],
    stop: &CancellationToken,
) {
    let socket = yard.gate();
    let mut gate = None;
    for image in images.iter().cycle() {
        if stop.is_cancelled() {
            return;
        }
        sleep(Duration::from_millis(CHECKS_MS)).await;
        let from = clock.now();
        match timeout(ANSWER, ask(&mut gate, &socket, image)).await {
            Ok(Ok(decision)) => {
                let check = Check { image: image.clone(), from, to: clock.now(), decision };
                lock(&recorded.checks).push(check);
            }
            // An image starts only after the gate has answered. The next question comes on a connection of its own.
            Ok(Err(_)) | Err(_) => gate = None,
        }
    }
}

async fn ask(gate: &mut Option<Gate>, socket: &Path, image: &str) -> Result<String> {
    let asking = match gate {
        Some(asking) => asking,
        none => none.insert(Gate::connect_at_once(socket).await?),
    };
    asking.check(image).await
}

/// The gate's answer about one image.
pub(super) async fn check(yard: &Yard, image: &str) -> Result<String> {
    timeout(ANSWER, async { Gate::connect_at_once(&yard.gate()).await?.check(image).await }).await?
}

fn pause(dice: &mut Dice, (least, most): (u64, u64), stop: &CancellationToken) -> impl Future<Output = ()> {
    let pause = Duration::from_millis(dice.between(least, most));
    let stop = stop.clone();
    async move {
        stop.run_until_cancelled(sleep(pause)).await;
    }
}
