//! What each identity may and may not say, tried. Denied is what the broker calls denied: an answer that does not come proves nothing.

use std::collections::BTreeSet;

use events::topology::{Account, Role, StreamName};

use crate::embedded::{Broker, NODE, eventually};

/// Nobody may say this.
const LAST: &str = "refused.last";

/// Every subject that some role publishes, made concrete.
fn all_published() -> BTreeSet<String> {
    Role::ALL.into_iter().flat_map(own).collect()
}

fn own(role: Role) -> Vec<String> {
    let concrete = |subject: &&str| subject.replace("{node}", NODE).replace('*', "x");
    role.spec().publishes.iter().map(concrete).collect()
}

/// The client drops what it hears beyond 128 refusals that nobody has looked at.
const AT_ONCE: usize = 100;

/// `identity` is denied `denied` of all that it tries, and nothing else.
async fn check(broker: &Broker, identity: &str, tried: &BTreeSet<String>, denied: &BTreeSet<String>) {
    let (client, refusals) = broker.raw_with_refusals(identity).await;
    let tried: Vec<_> = tried.iter().collect();
    for some in tried.chunks(AT_ONCE) {
        for subject in some {
            client.publish((*subject).clone(), "{}".into()).await.unwrap();
        }
        // The broker answers in order: when this refusal has come, all before it have.
        client.publish(LAST, "".into()).await.unwrap();
        eventually("the last refusal is heard", async || refusals.lock().unwrap().remove(LAST)).await;
    }
    assert_eq!(&*refusals.lock().unwrap(), denied, "what {identity} is refused");
}

#[tokio::test]
async fn a_role_publishes_what_is_its_own_and_nothing_else() {
    let broker = Broker::start().await;
    let tried = all_published();
    for role in Role::ALL {
        let own: BTreeSet<_> = own(role).into_iter().collect();
        let denied: BTreeSet<_> = tried.difference(&own).cloned().collect();
        let identity = bus::keyring::identity(role, NODE);
        check(&broker, &identity, &tried, &denied).await;
        // What it may say is kept, in whichever account.
        let jetstream = async_nats::jetstream::new(broker.raw(&identity).await);
        for subject in own {
            let kept = jetstream.publish(subject.clone(), "{}".into()).await.unwrap().await;
            kept.unwrap_or_else(|error| panic!("{role} on {subject}: {error}"));
        }
    }
}

#[tokio::test]
async fn nobody_reaches_past_what_they_use() {
    let broker = Broker::start().await;
    let streams = StreamName::ALL.into_iter().flat_map(|stream| {
        let home = stream.spec().home;
        ["CREATE", "UPDATE", "DELETE", "PURGE", "MSG.DELETE", "MSG.GET"]
            .map(|verb| format!("$JS.API.STREAM.{verb}.{stream}"))
            .into_iter()
            .chain([
                format!("$JS.API.CONSUMER.CREATE.{stream}"),
                format!("$JS.API.CONSUMER.LIST.{stream}"),
                format!("$JS.API.CONSUMER.NAMES.{stream}"),
                format!("$JS.API.CONSUMER.DELETE.{stream}.x"),
                format!("$JS.API.CONSUMER.DURABLE.CREATE.{stream}.x"),
                format!("JS.{home}.API.CONSUMER.CREATE.{stream}"),
                format!("JS.{home}.API.CONSUMER.CREATE.{stream}.x"),
            ])
    });
    let mut never: BTreeSet<String> = streams.collect();
    for (home, mirror) in Account::ALL.iter().flat_map(|home| Account::ALL.map(|mirror| (home, mirror))) {
        never.insert(format!("deliver.{home}.{mirror}.x"));
    }
    never.extend(["$KV.runs.run.node-2.x", "plimsoll.container.started.node-2.x"].map(str::to_owned));
    never.insert("plimsoll.redrive.WORK_BUILD.worker-urgent.bob".to_owned());
    never.insert("$JS.API.DIRECT.GET.DEAD.plimsoll.dead.OTHER.other.1".to_owned());
    never.extend(["$SYS.REQ.SERVER.PING", "_INBOX_gate-node-1.x", "$SRV.PING"].map(str::to_owned));
    for role in Role::ALL {
        check(&broker, &bus::keyring::identity(role, NODE), &never, &never).await;
    }
    never.remove("$SRV.PING");
    check(&broker, "operator-alice", &never, &never).await;
}

#[tokio::test]
async fn a_reader_of_a_stream_leaves_the_work_of_others_alone() {
    let broker = Broker::start().await;
    let shared = Role::ALL.into_iter().flat_map(|role| role.spec().consumes);
    let tried: BTreeSet<String> = shared
        .flat_map(|durable| {
            let (stream, name) = (durable.stream, durable.name);
            [
                format!("$JS.API.CONSUMER.CREATE.{stream}.{name}"),
                format!("$JS.API.CONSUMER.CREATE.{stream}.{name}.x"),
                format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"),
                format!("$JS.ACK.{stream}.{name}.1.1.1.1.0"),
            ]
        })
        .collect();
    for role in Role::ALL.into_iter().filter(|role| role.spec().consumes.is_empty()) {
        check(&broker, &bus::keyring::identity(role, NODE), &tried, &tried).await;
    }
}
