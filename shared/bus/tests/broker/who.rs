//! Who is there: every process answers an operator, in whichever account it works.

use std::{collections::BTreeSet, time::Duration};

use async_nats::Client;
use events::topology::Role;
use futures::StreamExt as _;

use crate::embedded::{Broker, eventually};

/// Who answers `subject`, by name, once `count` have.
async fn answers(asker: &Client, subject: &str, count: usize) -> BTreeSet<String> {
    let inbox = asker.new_inbox();
    let mut heard = asker.subscribe(inbox.clone()).await.unwrap();
    asker.publish_with_reply(subject.to_owned(), inbox, "".into()).await.unwrap();
    let mut names = BTreeSet::new();
    while names.len() < count {
        let Ok(answer) = tokio::time::timeout(Duration::from_secs(2), heard.next()).await else { break };
        let said: serde_json::Value = serde_json::from_slice(&answer.unwrap().payload).unwrap();
        names.insert(said["name"].as_str().unwrap().to_owned());
    }
    names
}

#[tokio::test]
async fn an_operator_hears_every_role_gate_and_agent_included() {
    let broker = Broker::start().await;
    let mut listed = Vec::new();
    for role in Role::ALL {
        let connection = broker.role(role).await;
        listed.push(connection.list(role.as_str(), "A role of the test.").await.unwrap());
    }
    let everybody: BTreeSet<_> = Role::ALL.map(|role| role.to_string()).into();
    let alice = broker.operator("alice").await;
    for verb in ["PING", "INFO", "STATS"] {
        eventually(&format!("everybody answers {verb}"), async || {
            answers(&alice, &format!("$SRV.{verb}"), everybody.len()).await == everybody
        })
        .await;
        for role in Role::ALL {
            let named = answers(&alice, &format!("$SRV.{verb}.{role}"), 1).await;
            assert_eq!(named, BTreeSet::from([role.to_string()]), "{verb}");
        }
    }
}
