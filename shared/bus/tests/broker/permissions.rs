//! What each role may not do, tried.

use std::time::Duration;

use events::topology::{Account, Role};

use crate::embedded::{Broker, NODE};

/// Every subject that some role publishes, made concrete.
fn all_published() -> Vec<(Account, String)> {
    let mut subjects: Vec<_> = Role::ALL
        .into_iter()
        .map(Role::spec)
        .flat_map(|spec| {
            spec.publishes
                .iter()
                .map(move |subject| (spec.account, subject.replace("{node}", NODE).replace('*', "x")))
        })
        .collect();
    subjects.sort();
    subjects.dedup();
    subjects
}

#[tokio::test]
async fn a_role_publishes_what_is_its_own_and_nothing_else() {
    let broker = Broker::start().await;
    for role in Role::ALL {
        let client = broker.raw(&bus::keyring::identity(role, NODE)).await;
        let jetstream = async_nats::jetstream::new(client);
        let own: Vec<String> = role
            .spec()
            .publishes
            .iter()
            .map(|subject| subject.replace("{node}", NODE).replace('*', "x"))
            .collect();
        for (account, subject) in
            all_published().into_iter().filter(|(account, _)| *account == role.spec().account)
        {
            let stored = async { jetstream.publish(subject.clone(), "{}".into()).await.unwrap().await };
            let stored = tokio::time::timeout(
                Duration::from_millis(if own.contains(&subject) { 5000 } else { 40 }),
                stored,
            )
            .await;
            let stored = matches!(stored, Ok(Ok(_)));
            assert_eq!(stored, own.contains(&subject), "{role} in {account} on {subject}");
        }
    }
}

#[tokio::test]
async fn a_node_speaks_of_itself_alone() {
    let broker = Broker::start().await;
    let agent = async_nats::jetstream::new(broker.raw(&bus::keyring::identity(Role::Agent, NODE)).await);
    let other =
        async { agent.publish("plimsoll.container.started.node-2.x", "{}".into()).await.unwrap().await };
    assert!(!matches!(tokio::time::timeout(Duration::from_millis(100), other).await, Ok(Ok(_))));
}
