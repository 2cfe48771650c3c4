//! A gate that starts while the broker is away: the node stays usable, bans that were read hold, and later ones hold once the broker is back.

use std::time::{Duration, Instant};

use events::order;
use serde_json::json;
use testkit::wait::eventually;

use crate::site::{BOUND, Site};

/// Well below the 30 s for which a gate once waited, and above what a busy machine needs.
const AT_ONCE: Duration = Duration::from_secs(15);

/// What people do to look at a node and to stop things on it.
async fn is_usable(site: &Site, running: &str) {
    let started = Instant::now();
    assert!(site.docker(&["ps"]).await.contains(running));
    site.docker(&["logs", running]).await;
    site.docker(&["stop", "--time", "0", running]).await;
    site.docker(&["rm", running]).await;
    assert!(started.elapsed() < AT_ONCE, "the node hung for {:?}", started.elapsed());
}

async fn start_without_broker(site: &mut Site) {
    site.gate.terminate(BOUND).await.unwrap();
    site.broker.kill().await;
    let opened = site.gate.log().matches("The sockets are open.").count();
    site.gate.restart().unwrap();
    let log = site.gate.log_reader();
    site.gate
        .ready(BOUND, async || log.text().matches("The sockets are open.").count() > opened)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_gate_without_its_broker_keeps_the_node_usable_and_its_bans_in_force() {
    let mut site = Site::start().await;
    let [app, other] = ["team/app:1", "team/other:1"].map(|name| site.image(name));
    for name in ["first", "second"] {
        site.docker(&["run", "--detach", "--network", "none", "--name", name, &other]).await;
    }
    site.docker(&["create", "--network", "none", "--name", "banned", &app]).await;
    site.docker(&["create", "--network", "none", "--name", "clear", &other, "true"]).await;
    site.enforce(&["create", "start"]).await;
    site.ban().await;

    // With what it has on its disk.
    start_without_broker(&mut site).await;
    is_usable(&site, "first").await;
    site.refused(&["start", "banned"]).await;
    site.refused(&["create", "--network", "none", &app]).await;
    site.docker(&["start", "--attach", "clear"]).await;

    site.broker.server.restart().await.unwrap();
    let ban = json!({"image": other, "reason": "CVE-2024-1", "severity": "high"});
    let sequence = site.broker.order(order::BANNED, ban).await;
    site.heard(sequence).await;
    site.refused(&["start", "clear"]).await;
    let lift = json!({"ban": sequence.to_string(), "reason": "fixed"});
    let sequence = site.broker.order(order::LIFTED, lift).await;
    site.heard(sequence).await;

    // With nothing at all.
    site.gate.terminate(BOUND).await.unwrap();
    site.forget("journal");
    start_without_broker(&mut site).await;
    is_usable(&site, "second").await;
    let denied = site.docker.docker(&["start", "clear"]).await.unwrap();
    assert!(denied.code != Some(0) && denied.stderr.contains("has no orders yet"), "{}", denied.stderr);

    site.broker.server.restart().await.unwrap();
    eventually("the gate to catch up", BOUND, async || {
        site.docker.docker(&["start", "--attach", "clear"]).await.unwrap().code == Some(0)
    })
    .await
    .unwrap();
    site.refused(&["start", "banned"]).await;
    site.docker.stop().unwrap();
}
