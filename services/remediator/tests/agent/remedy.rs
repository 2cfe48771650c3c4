//! One ban, and what runs: patched once a run of the container, whenever it started, until the ban is lifted.

use events::{fact::RunState, order};
use serde_json::json;
use testkit::wait::eventually;

use crate::{
    broker::Said,
    site::{BOUND, Site},
};

#[tokio::test]
async fn whatever_runs_on_a_banned_base_is_remedied_once_and_nothing_else_is() {
    let site = Site::start().await;
    let first: Vec<String> = (0..10).map(|number| format!("app-{number}")).collect();
    for name in &first {
        site.run("app", name).await;
    }
    site.run("other", "other-0").await;
    let mut agent = site.agent().await;
    site.declare().await;

    let ban = site.broker.order(order::BANNED, site.ban_body()).await;
    for name in &first {
        site.remedied(name, "patch", 0).await;
    }
    for name in &first {
        site.check(name, RunState::Ok, 0, 1).await;
    }

    // Started later, and started again: each run of a container has its own.
    site.run("app", "app-later").await;
    site.check("app-later", RunState::Ok, 0, 1).await;
    site.docker(&["restart", "--time", "0", "app-0"]).await;
    site.remedied("app-0", "patch", 1).await;
    assert_eq!(site.count("app-0", "/patched").await, 2);

    // A second agent finds everything done; what it does for a new container shows that it has looked.
    agent.terminate(BOUND).await.unwrap();
    let mut agent = site.agent().await;
    site.run("app", "app-last").await;
    site.check("app-last", RunState::Ok, 0, 1).await;
    agent.terminate(BOUND).await.unwrap();
    for name in first.iter().skip(1).map(String::as_str).chain(["app-later"]) {
        site.check(name, RunState::Ok, 0, 1).await;
    }
    assert_eq!(site.count("app-0", "/patched").await, 2);
    assert_eq!(site.count("other-0", "/patched").await, 0);
    assert_eq!(site.remedies("other-0", "patch").await.len(), 0);

    // A lifted ban ends it: the new container is told of without a ban, and left alone.
    site.broker.order(order::LIFTED, json!({"ban": ban.to_string(), "reason": "fixed"})).await;
    let mut agent = site.agent().await;
    site.run("app", "app-free").await;
    let started = eventually("app-free to be told of", BOUND, async || {
        site.broker.said().await.into_iter().find_map(|said| match said {
            Said::Started(fact) if fact.name == "app-free" => Some(fact),
            _ => None,
        })
    });
    assert_eq!(started.await.unwrap().bans, []);
    agent.terminate(BOUND).await.unwrap();
    assert_eq!(site.count("app-free", "/patched").await, 0);

    let said = site.broker.said().await;
    let restarted = said.iter().any(|said| matches!(said, Said::Stopped(_)));
    assert!(restarted, "the end of the first run of app-0 was not told");
    let covered = said
        .iter()
        .any(|said| matches!(said, Said::Started(fact) if fact.name == "app-later" && fact.bans == [ban]));
    assert!(covered, "app-later was not told with its ban");
    site.docker.stop().unwrap();
}

#[tokio::test]
async fn each_target_ends_in_its_own_way_and_none_waits_for_another() {
    let site = Site::start().await;
    let mut agent = site.agent().await;
    for name in ["fails", "hangs", "sleeps", "works"] {
        site.run("app", name).await;
    }
    site.docker(&["exec", "fails", "touch", "/fail"]).await;
    site.docker(&["exec", "hangs", "touch", "/hang"]).await;
    site.docker(&["pause", "sleeps"]).await;
    site.ban().await;
    site.check("works", RunState::Ok, 0, 1).await;
    site.check("fails", RunState::Failed, 3, 1).await;
    site.check("hangs", RunState::TimedOut, -1, 1).await;
    assert_eq!(site.remedies("sleeps", "patch").await.len(), 0, "{}", agent.log());
    site.docker(&["unpause", "sleeps"]).await;
    site.check("sleeps", RunState::Ok, 0, 1).await;
    agent.terminate(BOUND).await.unwrap();
    site.docker.stop().unwrap();
}
