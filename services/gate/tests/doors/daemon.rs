//! What people do with Docker while a base is banned: what stands on it does not start, and nothing else is in anybody's way.

use events::order;
use serde_json::json;
use testkit::wait::eventually;

use crate::{
    broker::NODE,
    site::{BOUND, Site, ready},
};

#[tokio::test]
async fn what_stands_on_a_banned_base_does_not_start_and_stays_removable() {
    let site = Site::start().await;
    let [app, hand, other] = ["team/app:1", "hand/made:1", "team/other:1"].map(|name| site.image(name));
    site.docker(&["run", "--detach", "--network", "none", "--name", "running", &app]).await;
    site.docker(&["create", "--network", "none", "--name", "stopped", &hand]).await;
    site.docker(&["create", "--rm", "--network", "none", "--name", "once", &app]).await;
    site.docker(&["tag", &app, "innocent:1"]).await;

    // In the default mode a ban stops nothing.
    let ban = site.ban().await;
    site.docker(&["run", "--rm", "--network", "none", &app, "true"]).await;

    site.enforce(&["create", "start", "pull"]).await;
    for image in [app.as_str(), &hand, "innocent:1"] {
        site.refused(&["create", "--network", "none", image]).await;
        site.refused(&["run", "--detach", "--network", "none", image]).await;
    }
    let id = site.docker(&["images", "--quiet", &hand]).await;
    site.refused(&["create", "--network", "none", &id]).await;
    // A client that waits for its refused container to be removed waits for ever if nobody does: the command's bound would end this.
    site.refused(&["run", "--rm", "--network", "none", &app]).await;
    site.refused(&["start", "stopped"]).await;
    site.refused(&["start", "--attach", "once"]).await;
    site.refused(&["restart", "--time", "0", "running"]).await;
    let base = site.image("bases/os:1");
    site.refused(&["pull", &base]).await;

    // What is not covered is in nobody's way.
    assert_eq!(site.docker(&["run", "--rm", "--network", "none", &other, "echo", "afloat"]).await, "afloat");
    site.docker(&["pull", &other]).await;

    // Looking, working on, stopping and removing go on for what is refused.
    assert!(site.docker(&["ps", "--all"]).await.contains("stopped"));
    site.docker(&["run", "--detach", "--network", "none", "--name", "other", &other]).await;
    site.docker(&["rm", "stopped"]).await;
    site.docker(&["rmi", "innocent:1"]).await;

    let reported = eventually("the refusals to be reported", BOUND, async || {
        let refusals = site.broker.refusals().await;
        let doors = ["create", "start", "pull"];
        doors.iter().all(|door| refusals.iter().any(|fact| fact.door == *door)).then_some(refusals)
    });
    for fact in reported.await.unwrap() {
        assert_eq!((fact.node.as_str(), fact.ban), (NODE, Some(ban)), "{fact:?}");
    }

    site.broker.order(order::LIFTED, json!({"ban": ban.to_string(), "reason": "fixed"})).await;
    eventually("the lift to be heard", BOUND, async || {
        let run = ["run", "--rm", "--network", "none", &app, "true"];
        site.docker.docker(&run).await.unwrap().code == Some(0)
    })
    .await
    .unwrap();
    site.docker.stop().unwrap();
}

#[tokio::test]
async fn a_running_container_of_a_banned_image_can_be_worked_on_and_ended() {
    let site = Site::start().await;
    let app = site.image("team/app:1");
    site.docker(&["run", "--detach", "--network", "none", "--name", "running", &app]).await;
    site.enforce(&["create", "start", "pull"]).await;
    site.ban().await;
    assert_eq!(site.docker(&["exec", "running", "cat", "/etc/version"]).await, "1");
    assert!(site.docker(&["inspect", "running"]).await.contains("running"));
    site.docker(&["logs", "running"]).await;
    site.docker(&["stop", "--time", "0", "running"]).await;
    site.refused(&["start", "running"]).await;
    site.docker(&["rm", "running"]).await;
    assert_eq!(site.docker(&["ps", "--all", "--quiet"]).await, "");
    site.docker.stop().unwrap();
}

#[tokio::test]
async fn a_container_that_is_refused_at_its_start_alone_is_removed_where_it_was_to_be() {
    let site = Site::start().await;
    let app = site.image("team/app:1");
    site.enforce(&["start"]).await;
    site.ban().await;
    site.refused(&["run", "--rm", "--network", "none", &app]).await;
    eventually("the container to be gone", BOUND, async || {
        site.docker(&["ps", "--all", "--quiet"]).await.is_empty()
    })
    .await
    .unwrap();
    // One that was to be kept is kept.
    site.refused(&["run", "--network", "none", "--name", "kept", &app]).await;
    site.docker(&["rm", "kept"]).await;
    site.docker.stop().unwrap();
}

#[tokio::test]
async fn without_its_gate_the_daemon_starts_nothing_and_with_it_again_it_does() {
    let mut site = Site::start().await;
    let other = site.image("team/other:1");
    site.enforce(&["create", "start"]).await;
    let run = ["run", "--rm", "--network", "none", other.as_str(), "true"];
    site.docker(&run).await;
    site.gate.terminate(BOUND).await.unwrap();
    assert_ne!(site.docker.docker(&run).await.unwrap().code, Some(0));
    site.gate.restart().unwrap();
    ready(&mut site.gate, 2).await;
    site.docker(&run).await;

    // A gate that was killed leaves its sockets behind; the next one takes their place, and knows the orders.
    site.ban().await;
    site.gate.restart().unwrap();
    ready(&mut site.gate, 3).await;
    let app = site.image("team/app:1");
    site.refused(&["create", "--network", "none", &app]).await;
    site.docker(&run).await;
    site.docker.stop().unwrap();
}
