//! Nobody but a person writes an order, nobody writes another's, and nobody but the invalidator writes a resolution: not by publishing,
//! not by having an answer redirected.

use async_nats::Client;
use bus::keyring::{identity, provision_identity};
use events::topology::{Account, Role, StreamName};
use futures::StreamExt as _;

use crate::embedded::{Broker, NODE, eventually, throughout};

const BAN: &str = r#"{"image":"r.io/base/os:10.4.8","reason":"forged"}"#;

/// Every subject on which an order of `operator` would be stored.
fn order_subjects(operator: &str) -> Vec<String> {
    events::order::ENTRIES.iter().map(|entry| format!("{}.{operator}", entry.kind)).collect()
}

/// What decides, and is therefore out of everybody's account but its writer's.
const AUTHORITIES: [StreamName; 2] = [StreamName::Orders, StreamName::Resolutions];

/// Every subject on which something would be stored as authority.
fn subjects(authority: StreamName) -> Vec<String> {
    match authority {
        StreamName::Orders => order_subjects("alice"),
        _ => events::resolution::ENTRIES.iter().map(|entry| format!("{}.1", entry.kind)).collect(),
    }
}

/// Sends `payload` to `subject` and asks for the answer to be put on each of `targets`.
async fn redirect(client: &Client, subject: &str, payload: &str, targets: &[String]) {
    for target in targets {
        client
            .publish_with_reply(subject.to_owned(), target.clone(), payload.to_owned().into())
            .await
            .unwrap();
    }
    client.flush().await.unwrap();
}

/// Everything that `client` sent has been received, and goes on being stored as `count` messages of `authority`.
async fn stored_stay(broker: &Broker, client: &Client, authority: StreamName, count: u64, what: &str) {
    client.flush().await.unwrap();
    throughout(what, async || broker.stored(authority).await == count).await;
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
    stored_stay(&broker, &alice, StreamName::Orders, 1, "only her own order is stored").await;
}

#[tokio::test]
async fn a_person_cannot_have_an_answer_stored_as_authority() {
    let broker = Broker::start().await;
    let alice = broker.operator("alice").await;
    let bobs = [order_subjects("bob"), subjects(StreamName::Resolutions)].concat();
    // A service that echoes is the worst case: it lets the asker choose the payload.
    let echo = broker.raw("invalidator").await;
    let mut asked = echo.subscribe("plimsoll.rpc.invalidator.status").await.unwrap();
    echo.flush().await.unwrap();

    // The broker's own acknowledgement of an order of hers.
    redirect(&alice, "plimsoll.base.lifted.alice", "{}", &bobs).await;
    let own = bobs.len() as u64;
    eventually("her own orders are stored", async || broker.stored(StreamName::Orders).await == own).await;
    // A service's answer.
    redirect(&alice, "plimsoll.rpc.invalidator.status", BAN, &bobs).await;
    for _ in &bobs {
        let request = asked.next().await.unwrap();
        echo.publish(request.reply.unwrap(), request.payload).await.unwrap();
    }
    echo.flush().await.unwrap();
    // The server's answer to who is there.
    redirect(&alice, "$SRV.PING", "", &bobs).await;
    redirect(&alice, "$JS.API.STREAM.INFO.ORDERS", "", &bobs).await;
    for subject in subjects(StreamName::Resolutions) {
        alice.publish(subject, BAN.into()).await.unwrap();
    }
    stored_stay(&broker, &alice, StreamName::Orders, own, "only what she published is stored").await;
    stored_stay(&broker, &alice, StreamName::Resolutions, 0, "she has no resolution stored").await;
}

#[tokio::test]
async fn no_service_can_write_authority_that_is_not_its_own() {
    let broker = Broker::start().await;
    for role in Role::ALL {
        let client = broker.raw(&identity(role, NODE)).await;
        for authority in AUTHORITIES {
            if authority == StreamName::Resolutions && role == Role::Invalidator {
                continue;
            }
            let targets = subjects(authority);
            let before = broker.stored(authority).await;
            for subject in &targets {
                client.publish(subject.clone(), BAN.into()).await.unwrap();
            }
            call_forth_answers(&client, role, &targets).await;
            let what = format!("{role} has nothing stored in {authority}");
            stored_stay(&broker, &client, authority, before, &what).await;
        }
    }
}

/// Every answer that the role's permissions can call forth is redirected onto `targets`, with a payload of its own choice where it has
/// one.
async fn call_forth_answers(client: &Client, role: Role, targets: &[String]) {
    let spec = role.spec();
    for bucket in spec.buckets {
        let name = bucket.as_str();
        let key = if *bucket == events::topology::Bucket::Runs {
            format!("$KV.{name}.run.{NODE}.forged")
        } else {
            format!("$KV.{name}.forged")
        };
        redirect(client, &key, BAN, targets).await;
        redirect(client, &format!("$JS.API.DIRECT.GET.KV_{name}.{key}"), "", targets).await;
        redirect(client, &format!("$JS.API.STREAM.INFO.KV_{name}"), "", targets).await;
        // In two steps: what is read back asks a home to push its stream onto its own subjects.
        for home in AUTHORITIES {
            for (target, step) in targets.iter().zip(0..) {
                let key = key.replace("forged", &format!("push-{step}"));
                client.publish(key.clone(), push_consumer(home.as_str(), target).into()).await.unwrap();
                let ask = format!("JS.{}.API.CONSUMER.CREATE.{home}", home.spec().home);
                redirect(client, &format!("$JS.API.DIRECT.GET.KV_{name}.{key}"), "", &[ask]).await;
            }
        }
    }
    for stream in spec.follows {
        redirect(client, &format!("$JS.API.STREAM.INFO.{stream}"), "", targets).await;
        let consumer = format!("$JS.API.CONSUMER.CREATE.{stream}.forged-{role}");
        redirect(client, &consumer, &pull_consumer(stream.as_str(), &format!("forged-{role}")), targets)
            .await;
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.forged-{role}");
        redirect(client, &next, r#"{"batch":1,"no_wait":true}"#, targets).await;
        for (target, number) in targets.iter().zip(0..) {
            let name = format!("push-{role}-{number}");
            let ask = format!("$JS.API.CONSUMER.CREATE.{stream}.{name}");
            let body = push_consumer(stream.as_str(), target)
                .replace("\"config\":{", &format!("\"config\":{{\"name\":\"{name}\","));
            redirect(client, &ask, &body, targets).await;
        }
    }
    for durable in spec.consumes {
        let (stream, name) = (durable.stream, durable.name);
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}");
        redirect(client, &next, r#"{"batch":1,"no_wait":true}"#, targets).await;
        redirect(client, &format!("$JS.API.CONSUMER.INFO.{stream}.{name}"), "", targets).await;
        redirect(client, &format!("$JS.ACK.{stream}.{name}.1.1.1.1.0"), "+ACK", targets).await;
    }
    for published in spec.publishes {
        let subject = published.replace("{node}", NODE).replace('*', "x");
        redirect(client, &subject, BAN, targets).await;
    }
    for asked in spec.asks {
        redirect(client, asked, BAN, targets).await;
    }
}

/// A consumer that would push a stream's messages onto a subject of somebody's choice.
fn push_consumer(stream: &str, deliver: &str) -> String {
    format!(
        r#"{{"stream_name":"{stream}","config":{{"deliver_subject":"{deliver}","ack_policy":"none","deliver_policy":"all"}}}}"#
    )
}

fn pull_consumer(stream: &str, name: &str) -> String {
    format!(
        r#"{{"stream_name":"{stream}","config":{{"name":"{name}","ack_policy":"none","deliver_policy":"all"}}}}"#
    )
}

/// The attack itself works: without accounts of their own, orders and resolutions could be forged like this fact.
#[tokio::test]
async fn within_one_account_an_answer_is_stored_where_the_asker_wants_it() {
    let broker = Broker::start().await;
    let worker = broker.raw("worker").await;
    worker.publish("$KV.intents.forged", BAN.into()).await.unwrap();
    let target = "plimsoll.image.invalidated.x.y".to_owned();
    redirect(&worker, "$JS.API.DIRECT.GET.KV_intents.$KV.intents.forged", "", &[target]).await;
    eventually("the answer is stored", async || broker.stored(StreamName::Images).await == 1).await;
}

/// A service that echoes hands its asker a payload of the asker's choice; the asker puts it where it may not write.
#[tokio::test]
async fn a_service_cannot_have_a_services_answer_stored_as_authority() {
    let broker = Broker::start().await;
    let echo = broker.raw("scanner").await;
    let mut asked = echo.subscribe("plimsoll.rpc.scanner.scan").await.unwrap();
    echo.flush().await.unwrap();
    let worker = broker.raw("worker").await;
    let targets = AUTHORITIES.map(subjects).concat();
    redirect(&worker, "plimsoll.rpc.scanner.scan", BAN, &targets).await;
    for _ in &targets {
        let request = asked.next().await.unwrap();
        echo.publish(request.reply.unwrap(), request.payload).await.unwrap();
    }
    echo.flush().await.unwrap();
    for authority in AUTHORITIES {
        stored_stay(&broker, &worker, authority, 0, &format!("nothing is stored in {authority}")).await;
    }
}

#[tokio::test]
async fn even_an_administrator_of_another_account_cannot_write_authority() {
    let broker = Broker::start().await;
    for account in [Account::Ruling, Account::Pipe, Account::Node] {
        let admin = broker.raw(&provision_identity(account)).await;
        for authority in AUTHORITIES.into_iter().filter(|authority| authority.spec().home != account) {
            let targets = subjects(authority);
            for subject in &targets {
                admin.publish(subject.clone(), BAN.into()).await.unwrap();
            }
            redirect(&admin, &format!("$JS.API.STREAM.INFO.{authority}"), "", &targets).await;
            for target in &targets {
                let ask = format!("JS.{}.API.CONSUMER.CREATE.{authority}", authority.spec().home);
                redirect(&admin, &ask, &push_consumer(authority.as_str(), target), &targets).await;
            }
            let what = format!("{account} has nothing stored in {authority}");
            stored_stay(&broker, &admin, authority, 0, &what).await;
        }
    }
    // What a consumer of an administrator's pushed back onto its own stream would multiply; it must not.
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    let invalidator = broker.raw("invalidator").await;
    let accepted = async_nats::jetstream::new(invalidator.clone());
    accepted.publish("plimsoll.order.accepted.1", "{}".into()).await.unwrap().await.unwrap();
    for authority in AUTHORITIES {
        stored_stay(&broker, &invalidator, authority, 1, &format!("{authority} holds one message")).await;
    }
}
