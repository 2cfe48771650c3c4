//! The role that watches an account's streams raises an alarm before one is full, and an operator sees it.

use std::{collections::BTreeSet, time::Duration};

use async_nats::jetstream;
use bus::{keyring::provision_identity, limits, presence::Present};
use events::topology::Role;

use crate::embedded::{Broker, eventually};

/// Of the streams in this test.
const LIMIT_BYTES: i64 = 100_000;

/// Whether one of the conditions is about the stream.
#[track_caller]
fn alarms(conditions: &bus::Conditions, stream: &str) -> bool {
    conditions.all().iter().any(|said| said.starts_with(&format!("{stream} in ")))
}

#[tokio::test]
async fn every_account_has_a_role_that_says_what_is_nearly_full() {
    let broker = Broker::start().await;
    for (role, stream, subject) in [
        (Role::Invalidator, "RESOLUTIONS", "plimsoll.order.accepted.1"),
        (Role::Planner, "BUILDS", "plimsoll.build.queued.1"),
        (Role::Planner, "DEAD", "plimsoll.dead.BUILDS.notifier.1"),
        (Role::Planner, "KV_notices", "$KV.notices.a"),
        (Role::Agent, "NODES", "plimsoll.container.started.node-1.a"),
    ] {
        let owner = jetstream::new(broker.raw(&provision_identity(role.spec().account)).await);
        let limit = async |max_bytes| {
            let config = owner.get_stream(stream).await.unwrap().cached_info().config.clone();
            owner.update_stream(jetstream::stream::Config { max_bytes, ..config }).await.unwrap();
        };
        limit(LIMIT_BYTES).await;
        let connection = broker.role(role).await;
        limits::look(&connection, role).await;
        assert!(!alarms(connection.conditions(), stream), "{stream} is empty");
        let body = vec![b'x'; 85 * usize::try_from(LIMIT_BYTES).unwrap() / 100];
        owner.publish(subject, body.into()).await.unwrap().await.unwrap();
        limits::look(&connection, role).await;
        assert!(alarms(connection.conditions(), stream), "{stream}: {:?}", connection.conditions().all());
        limit(LIMIT_BYTES * 2).await;
        limits::look(&connection, role).await;
        assert!(!alarms(connection.conditions(), stream), "{stream} has room again");
    }
}

#[tokio::test]
async fn an_operator_sees_who_is_there_and_what_is_wrong() {
    let broker = Broker::start().await;
    let (gate, worker) = (broker.role(Role::Gate).await, broker.role(Role::Worker).await);
    let _listed =
        (gate.list("gate", "A gate.").await.unwrap(), worker.list("worker", "A worker.").await.unwrap());
    gate.conditions().raise("one", "something is wrong");
    gate.conditions().raise("other", "something else is, too");
    gate.conditions().raise("passing", "this passes");
    gate.conditions().clear("passing");
    let alice = broker.connect_as("operator-alice", "alice").await;
    let process = |name: &str, conditions: &[&str]| Present {
        name: name.to_owned(),
        conditions: conditions.iter().map(|text| (*text).to_owned()).collect::<BTreeSet<_>>(),
    };
    let expected =
        [process("gate", &["something is wrong", "something else is, too"]), process("worker", &[])];
    eventually("both answer", async || {
        let present =
            alice.present(&["gate", "worker", "planner"], Duration::from_millis(500)).await.unwrap();
        present.len() == 2 && expected.iter().all(|process| present.contains(process))
    })
    .await;
    drop(gate);
}
