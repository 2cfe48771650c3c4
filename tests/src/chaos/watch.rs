//! Who answers `$SRV.PING`, asked again and again as an operator does with `nats micro ping`.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use events::topology::Role;
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{Clock, history::Look, yard::Yard};
use crate::wire::Wire;

/// For how long answers are collected.
const COLLECT: Duration = Duration::from_millis(800);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// Which roles answer within `within`, each with its instance; none where the broker cannot be reached.
pub(super) async fn look(yard: &Yard, within: Duration) -> BTreeMap<Role, String> {
    static LOOKS: AtomicU64 = AtomicU64::new(0);
    let number = LOOKS.fetch_add(1, Ordering::Relaxed);
    let until = Instant::now() + within;
    let mut answered = BTreeMap::new();
    let asked = async {
        let mut wire = Wire::connect(&yard.broker, &yard.operator_seed()).await.ok()?;
        let inbox = format!("_INBOX.chaos.{number}");
        wire.subscribe(&inbox).await.ok()?;
        wire.publish("$SRV.PING", &inbox, b"").await.ok()?;
        while answered.len() < Role::ALL.len() {
            let message = wire.next().await.ok()?;
            let body: Value = serde_json::from_slice(&message.body).unwrap_or_default();
            let text = |field: &str| body.get(field).and_then(Value::as_str).unwrap_or_default();
            if let Ok(role) = text("name").parse::<Role>() {
                answered.insert(role, text("id").to_owned());
            }
        }
        Some(())
    };
    // What has answered so far counts.
    timeout_at(until, asked).await.ok();
    answered
}

/// Looks until `stop`.
pub(super) async fn watch(yard: &Yard, clock: Clock, looks: &Mutex<Vec<Look>>, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        let at = clock.now();
        let answered = look(yard, COLLECT).await;
        looks.lock().unwrap_or_else(PoisonError::into_inner).push(Look { at, answered });
        sleep(PAUSE).await;
    }
}
