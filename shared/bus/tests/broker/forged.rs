//! Nobody but a person writes an order, and nobody writes another's: not by publishing, not by having an answer redirected.

use async_nats::Client;
use events::topology::{Account, Role};

use crate::embedded::{Broker, eventually, throughout};

const BAN: &str = r#"{"image":"r.io/base/os:10.4.8","reason":"forged"}"#;

/// Every subject on which an order of `operator` would be stored.
fn order_subjects(operator: &str) -> Vec<String> {
    events::order::ENTRIES.iter().map(|entry| format!("{}.{operator}", entry.kind)).collect()
}

/// Sends `payload` to `subject` and asks for the answer to be put on each order subject.
async fn redirect(client: &Client, subject: &str, payload: &str, victim: &str) {
    for target in order_subjects(victim) {
        client.publish_with_reply(subject.to_owned(), target, payload.to_owned().into()).await.unwrap();
    }
    client.flush().await.unwrap();
}

/// Everything that `client` sent has been received, and goes on being stored as `count` orders.
async fn stored_stay(broker: &Broker, client: &Client, count: u64, what: &str) {
    client.flush().await.unwrap();
    throughout(what, async || broker.stored_orders().await == count).await;
}

#[tokio::test]
async fn a_person_orders_under_their_own_name_alone() {
    let broker = Broker::start().await;
    let alice = broker.operator("alice").await;
    let jetstream = async_nats::jetstream::new(alice.clone());
    let ack = jetstream.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    assert_eq!((ack.stream.as_str(), ack.sequence), ("ORDERS", 1));

    for subject in order_subjects("bob").into_iter().chain(order_subjects("nobody")) {
        alice.publish(subject.clone(), BAN.into()).await.unwrap();
        alice.publish(format!("{subject}.alice"), BAN.into()).await.unwrap();
    }
    stored_stay(&broker, &alice, 1, "only her own order is stored").await;
}

#[tokio::test]
async fn a_person_cannot_have_an_answer_stored_as_anothers_order() {
    let broker = Broker::start().await;
    let alice = broker.operator("alice").await;
    // A service that echoes is the worst case: it lets the asker choose the payload.
    let echo = broker.raw("invalidator").await;
    let mut asked = echo.subscribe("plimsoll.rpc.invalidator.status").await.unwrap();
    echo.flush().await.unwrap();

    // The broker's own acknowledgement of an order of hers.
    redirect(&alice, "plimsoll.base.lifted.alice", "{}", "bob").await;
    let own = order_subjects("bob").len() as u64;
    eventually("her own orders are stored", async || broker.stored_orders().await == own).await;
    // A service's answer.
    redirect(&alice, "plimsoll.rpc.invalidator.status", BAN, "bob").await;
    for _ in order_subjects("bob") {
        let request = futures::StreamExt::next(&mut asked).await.unwrap();
        echo.publish(request.reply.unwrap(), request.payload).await.unwrap();
    }
    echo.flush().await.unwrap();
    // The server's answer to who is there.
    redirect(&alice, "$SRV.PING", "", "bob").await;
    redirect(&alice, "$JS.API.STREAM.INFO.ORDERS", "", "bob").await;
    stored_stay(&broker, &alice, own, "only what she published under her own name is stored").await;
}

#[tokio::test]
async fn no_service_can_write_an_order() {
    let broker = Broker::start().await;
    for role in Role::ALL {
        let identity = bus::keyring::identity(role, crate::embedded::NODE);
        let client = broker.raw(&identity).await;
        // Straight out.
        for subject in order_subjects("alice") {
            client.publish(subject, BAN.into()).await.unwrap();
        }
        // By every answer that its permissions can call forth, the ones with a payload of its own choice first.
        for bucket in role.spec().buckets {
            let name = bucket.as_str();
            client.publish(format!("$KV.{name}.forged"), BAN.into()).await.unwrap();
            redirect(&client, &format!("$JS.API.DIRECT.GET.KV_{name}.$KV.{name}.forged"), "", "alice").await;
            redirect(&client, &format!("$JS.API.STREAM.MSG.GET.KV_{name}"), r#"{"seq":1}"#, "alice").await;
        }
        for stream in role.spec().follows {
            redirect(&client, &format!("$JS.API.STREAM.INFO.{stream}"), "", "alice").await;
            redirect(
                &client,
                &format!("$JS.API.CONSUMER.CREATE.{stream}"),
                &push_consumer(stream.as_str(), "plimsoll.base.banned.alice"),
                "alice",
            )
            .await;
        }
        for durable in role.spec().consumes {
            let (stream, name) = (durable.stream, durable.name);
            redirect(
                &client,
                &format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
                r#"{"batch":1,"no_wait":true}"#,
                "alice",
            )
            .await;
            redirect(&client, &format!("$JS.API.CONSUMER.INFO.{stream}.{name}"), "", "alice").await;
        }
        for published in role.spec().publishes {
            let subject = published.replace("{node}", crate::embedded::NODE).replace('*', "x");
            redirect(&client, &subject, BAN, "alice").await;
        }
        for asked in role.spec().asks {
            redirect(&client, asked, BAN, "alice").await;
        }
        stored_stay(&broker, &client, 0, &format!("{role} has no order stored")).await;
    }
}

/// A consumer that would push a stream's messages onto an order subject.
fn push_consumer(stream: &str, deliver: &str) -> String {
    format!(
        r#"{{"stream_name":"{stream}","config":{{"deliver_subject":"{deliver}","ack_policy":"none","deliver_policy":"all"}}}}"#
    )
}

#[tokio::test]
async fn even_the_services_own_administrator_cannot_write_an_order() {
    let broker = Broker::start().await;
    for account in [Account::Pipe, Account::Node] {
        let admin = broker.raw(&bus::keyring::provision_identity(account)).await;
        for subject in order_subjects("alice") {
            admin.publish(subject, BAN.into()).await.unwrap();
        }
        redirect(&admin, "$JS.API.STREAM.INFO.ORDERS", "", "alice").await;
        redirect(
            &admin,
            "JS.OPS.API.CONSUMER.CREATE.ORDERS",
            &push_consumer("ORDERS", "plimsoll.base.banned.alice"),
            "alice",
        )
        .await;
        stored_stay(&broker, &admin, 0, &format!("{account} has no order stored")).await;
    }
    // An order that is pushed onto an order subject by a consumer of that administrator would multiply; it must not.
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    stored_stay(&broker, &broker.operator("bob").await, 1, "the order is stored once").await;
}
