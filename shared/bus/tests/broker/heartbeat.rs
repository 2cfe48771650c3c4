//! Heartbeats: who may issue them, who receives them, and what they may be made from.

use std::{collections::BTreeSet, time::Duration};

use events::{
    heartbeat::HeartbeatIssued,
    topology::{Account, Role, StreamName},
};
use time::OffsetDateTime;

use crate::embedded::{Broker, NODE, eventually};

const BAN: &str = r#"{"image":"r.io/base/os:10.4.8","reason":"CVE"}"#;

fn heartbeat(counter: u64) -> HeartbeatIssued {
    HeartbeatIssued { term: 1, counter, issued_at: OffsetDateTime::UNIX_EPOCH, orders: 7, resolutions: 9 }
}

#[tokio::test]
async fn a_heartbeat_reaches_the_holders_of_every_account() {
    let mut broker = Broker::start().await;
    let invalidator = broker.role(Role::Invalidator).await;
    for role in [Role::Gate, Role::Worker] {
        let mut heartbeats = broker.role(role).await.heartbeats().await.unwrap();
        // A subscription is in place some time after it was asked for.
        let mut received = None;
        eventually("a heartbeat is received", async || {
            invalidator.publish_heartbeat(heartbeat(1)).await.unwrap();
            received =
                tokio::time::timeout(Duration::from_millis(100), heartbeats.next()).await.ok().flatten();
            received.is_some()
        })
        .await;
        assert_eq!(received.unwrap(), heartbeat(1));

        // The subscription outlives the broker.
        broker.server.restart().await.unwrap();
        eventually("a heartbeat is received after a restart", async || {
            invalidator.publish_heartbeat(heartbeat(2)).await.unwrap();
            let next = tokio::time::timeout(Duration::from_millis(100), heartbeats.next()).await;
            next.ok().flatten() == Some(heartbeat(2))
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_but_the_invalidator_may_publish_one() {
    let broker = Broker::start().await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Invalidator) {
        let (client, refusals) = broker.raw_with_refusals(&bus::keyring::identity(role, NODE)).await;
        client.publish(HeartbeatIssued::SUBJECT, "{}".into()).await.unwrap();
        eventually("the broker refuses it", async || {
            refusals.lock().unwrap().contains(HeartbeatIssued::SUBJECT)
        })
        .await;
    }
}

#[tokio::test]
async fn the_invalidator_asks_the_origin_how_far_orders_reach_and_nothing_else() {
    let broker = Broker::start().await;
    let account = Account::Ruling;
    let invalidator = broker.role(Role::Invalidator).await;
    assert_eq!(invalidator.last_sequence(StreamName::Orders, account).await.unwrap(), 0);
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    assert_eq!(invalidator.last_sequence(StreamName::Orders, account).await.unwrap(), 1);
    assert_eq!(invalidator.last_sequence(StreamName::Resolutions, account).await.unwrap(), 0);

    // It is the origin that answers: a mirror that is gone changes nothing.
    let admin = async_nats::jetstream::new(broker.raw("provision-ruling").await);
    admin.delete_stream("ORDERS").await.unwrap();
    assert_eq!(invalidator.last_sequence(StreamName::Orders, account).await.unwrap(), 1);

    let (client, refusals) = broker.raw_with_refusals(&bus::keyring::identity(Role::Invalidator, NODE)).await;
    let denied: BTreeSet<String> =
        ["STREAM.MSG.GET.ORDERS", "STREAM.PURGE.ORDERS", "STREAM.UPDATE.ORDERS", "DIRECT.GET.ORDERS"]
            .map(|verb| format!("JS.OPS.API.{verb}"))
            .into();
    for subject in &denied {
        client.publish(subject.clone(), "{}".into()).await.unwrap();
    }
    eventually("the broker refuses the rest", async || *refusals.lock().unwrap() == denied).await;
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Invalidator) {
        let (client, refusals) = broker.raw_with_refusals(&bus::keyring::identity(role, NODE)).await;
        let subject = "JS.OPS.API.STREAM.INFO.ORDERS";
        client.publish(subject, "".into()).await.unwrap();
        eventually("the broker refuses it to others", async || refusals.lock().unwrap().contains(subject))
            .await;
    }
}
