//! Orders reach everybody who folds them, facts reach operators, and both outlive the broker's death.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use artifact::Digest;
use bus::{
    Classify, Delivery, Disposition, Feed, Handler, Heard, Limits, Mark, Outbox, bootstrap, consume,
    keyring::provision_identity,
};
use events::{
    Event as _,
    fact::{BuildJob, ImageDeleted, Lane},
    topology::{Keep, Role, StreamName, StreamSpec},
};
use futures::{StreamExt as _, TryStreamExt as _};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::embedded::{Broker, NODE, eventually};

const BAN: &str = r#"{"image":"r.io/base/os:10.4.8","reason":"CVE"}"#;

async fn next_record(feed: &mut Feed) -> bus::Record {
    loop {
        let heard = tokio::time::timeout(Duration::from_secs(10), feed.next()).await;
        match heard.expect("nothing was heard").expect("the feed ended") {
            Heard::Record(record) => return *record,
            Heard::CaughtUp => {}
        }
    }
}

fn deleted(number: u8) -> ImageDeleted {
    ImageDeleted { repository: "r.io/app".parse().unwrap(), digest: Digest::of(&[number]) }
}

#[tokio::test]
async fn an_order_reaches_services_and_nodes_and_outlives_the_broker() {
    let mut broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let gate = broker.role(Role::Gate).await;
    let invalidator = broker.role(Role::Invalidator).await;
    let mut at_gate =
        Feed::open(&gate, &[(StreamName::Orders, 0), (StreamName::Resolutions, 0)], &tasks, &stop);
    let mut at_invalidator = Feed::open(&invalidator, &[(StreamName::Orders, 0)], &tasks, &stop);
    assert!(matches!(at_gate.next().await, Some(Heard::CaughtUp)));

    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    let (one, other) = (next_record(&mut at_gate).await, next_record(&mut at_invalidator).await);
    assert_eq!((one.sequence, one.body.as_slice()), (1, BAN.as_bytes()));
    assert_eq!(
        (one.sequence, one.at, &one.subject),
        (other.sequence, other.at, &other.subject),
        "mirrors keep identity and time"
    );

    broker.server.restart().await.unwrap();
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    let lift = r#"{"ban":1,"reason":"fixed"}"#;
    let ack = alice.publish("plimsoll.base.lifted.alice", lift.into()).await.unwrap().await.unwrap();
    assert_eq!(ack.sequence, 2);
    assert_eq!(next_record(&mut at_gate).await.sequence, 2);
    stop.cancel();
}

/// The nodes' mirror of ORDERS, made anew and asking at `api`.
async fn mirror_orders(admin: &async_nats::jetstream::Context, api: &str) {
    admin.delete_stream("ORDERS").await.unwrap();
    let mirror = async_nats::jetstream::stream::Config {
        name: "ORDERS".to_owned(),
        mirror: Some(async_nats::jetstream::stream::Source {
            name: "ORDERS".to_owned(),
            external: Some(async_nats::jetstream::stream::External {
                api_prefix: api.to_owned(),
                delivery_prefix: Some("deliver.OPS.NODE".to_owned()),
            }),
            ..Default::default()
        }),
        ..Default::default()
    };
    admin.create_stream(mirror).await.unwrap();
}

#[tokio::test]
async fn a_mirror_that_does_not_hear_from_its_origin_is_not_caught_up() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    let admin = async_nats::jetstream::new(broker.raw("provision-node").await);
    mirror_orders(&admin, "JS.NOWHERE.API").await;

    let gate = broker.role(Role::Gate).await;
    let mut feed = Feed::open(&gate, &[(StreamName::Orders, 0)], &tasks, &stop);
    // Longer than a mirror is silent when all is well.
    let heard = tokio::time::timeout(Duration::from_millis(2500), feed.next()).await;
    assert!(heard.is_err(), "the mirror is empty and knows nothing, and the feed says {heard:?}");

    mirror_orders(&admin, "JS.OPS.API").await;
    assert_eq!(next_record(&mut feed).await.sequence, 1);
    let heard = tokio::time::timeout(Duration::from_secs(60), feed.next()).await.unwrap();
    assert!(matches!(heard, Some(Heard::CaughtUp)));
    stop.cancel();
}

#[tokio::test]
async fn a_mirror_keeps_what_its_origin_keeps_and_an_old_one_is_brought_to_that() {
    let broker = Broker::start().await;
    let node = async_nats::jetstream::new(broker.raw("provision-node").await);
    let ruling = async_nats::jetstream::new(broker.raw("provision-ruling").await);
    // As an earlier version made it.
    let mut unlimited = node.get_stream("IMAGES").await.unwrap().cached_info().config.clone();
    unlimited.max_messages_per_subject = -1;
    node.update_stream(unlimited).await.unwrap();

    let watcher = broker.role(Role::Watcher).await;
    let kept = async |at: &async_nats::jetstream::Context| {
        let mut stream = at.get_stream("IMAGES").await.unwrap();
        let state = &stream.info().await.unwrap().state;
        (state.last_sequence, state.messages)
    };
    for stored in 1..=100 {
        watcher.publish(deleted(1), &stored.to_string()).await.unwrap();
        // Few at a time: what the origin has dropped before a mirror asked for it, no mirror ever holds.
        if stored % 10 == 0 {
            eventually("the unlimited mirror to hold all", async || kept(&node).await == (stored, stored))
                .await;
        }
    }
    let StreamSpec { keep: Keep::LastPerSubject(limit), .. } = StreamName::Images.spec() else {
        panic!("images are kept by subject");
    };
    let limited = (100, limit.unsigned_abs());
    eventually("the other mirror to hold the last", async || kept(&ruling).await == limited).await;
    let provision = async |account| Ok(broker.connect(&provision_identity(account)).await);
    bootstrap::reconcile(provision, 1).await.unwrap();
    eventually("the old mirror to hold the last", async || kept(&node).await == limited).await;

    for spec in StreamName::ALL.map(StreamName::spec) {
        let config = async |account| {
            let client = broker.raw(&provision_identity(account)).await;
            let stream = async_nats::jetstream::new(client).get_stream(spec.name.as_str()).await.unwrap();
            let config = stream.cached_info().config.clone();
            (config.max_bytes, config.max_age, config.max_messages_per_subject, config.discard)
        };
        let home = config(spec.home).await;
        for account in spec.mirrors {
            assert_eq!(config(*account).await, home, "{} in {account}", spec.name);
        }
    }
}

#[tokio::test]
async fn a_stream_whose_messages_have_all_expired_is_caught_up() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let watcher = broker.role(Role::Watcher).await;
    watcher.publish(deleted(1), "once").await.unwrap();
    let admin = async_nats::jetstream::new(broker.raw("provision-pipe").await);
    admin.get_stream("IMAGES").await.unwrap().purge().await.unwrap();
    let planner = broker.role(Role::Planner).await;
    let mut feed = Feed::open(&planner, &[(StreamName::Images, 0)], &tasks, &stop);
    let heard = tokio::time::timeout(Duration::from_secs(10), feed.next()).await.unwrap();
    assert!(matches!(heard, Some(Heard::CaughtUp)));
    stop.cancel();
}

/// Whatever a role says, in its own account or in another's, an operator hears, and once.
#[tokio::test]
async fn an_operator_hears_each_fact_of_every_role_once() {
    let broker = Broker::start().await;
    let bob = broker.operator("bob").await;
    let mut heard = bob.subscribe("plimsoll.>").await.unwrap();
    bob.flush().await.unwrap();
    for role in Role::ALL {
        let client = broker.raw(&bus::keyring::identity(role, NODE)).await;
        let jetstream = async_nats::jetstream::new(client);
        for subject in role.spec().publishes {
            let subject = subject.replace("{node}", NODE).replace('*', role.as_str());
            jetstream.publish(subject.clone(), "{}".into()).await.unwrap().await.unwrap();
            // In order: what came twice would stand here in place of the next.
            let next = tokio::time::timeout(Duration::from_secs(5), heard.next()).await;
            let next = next.unwrap_or_else(|_| panic!("nobody hears {role} say {subject}")).unwrap();
            assert_eq!(next.subject.as_str(), subject);
        }
    }
}

#[tokio::test]
async fn a_fact_is_stored_once_for_one_cause_and_again_for_another() {
    let broker = Broker::start().await;
    let watcher = broker.role(Role::Watcher).await;
    let first = watcher.publish(deleted(1), "webhook 1").await.unwrap();
    assert_eq!(watcher.publish(deleted(1), "webhook 1").await.unwrap(), first);
    assert_eq!(watcher.publish(deleted(1), "webhook 2").await.unwrap(), first + 1);
}

struct Fails {
    seen: Arc<Mutex<Vec<(u64, String)>>>,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("not now")]
    Later,
    #[error("never")]
    Never,
}

impl Classify for Failure {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Later => Disposition::Retry(Duration::from_millis(20)),
            Self::Never => Disposition::Reject,
        }
    }
}

impl Handler for Fails {
    type Error = Failure;

    async fn handle(&self, delivery: Delivery) -> Result<Outbox, Failure> {
        let job: BuildJob = delivery.decode().map_err(|_| Failure::Never)?;
        self.seen.lock().unwrap().push((delivery.attempt, job.build.clone()));
        match job.build.as_str() {
            "twice" if delivery.attempt < 2 => Err(Failure::Later),
            "poison" => Err(Failure::Never),
            _ => Ok(Outbox::default()),
        }
    }
}

fn job(build: &str) -> BuildJob {
    BuildJob {
        build: build.to_owned(),
        project: "app".parse().unwrap(),
        commit: "c".to_owned(),
        ban: None,
        pushed: 0,
        attempt: 1,
        lane: Lane::Urgent,
        waits_since: None,
    }
}

#[tokio::test]
async fn work_is_done_once_retried_or_laid_aside() {
    let broker = Broker::start().await;
    let planner = broker.role(Role::Planner).await;
    let worker = broker.role(Role::Worker).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let stop = CancellationToken::new();
    let limits = Limits { concurrency: 2, grace: Duration::from_secs(5) };
    let handler = Arc::new(Fails { seen: Arc::clone(&seen) });
    let tasks = TaskTracker::new();
    let run = tasks.spawn(consume(worker, Role::Worker.spec().consumes[0], handler, limits, stop.clone()));
    for build in ["plain", "twice", "poison"] {
        planner.publish(job(build), build).await.unwrap();
    }
    let admin = async_nats::jetstream::new(broker.raw("provision-pipe").await);
    let messages = async |stream: &str| admin.get_stream(stream).await.unwrap().cached_info().state.messages;
    eventually("the queue is empty", async || messages(BuildJob::STREAM.as_str()).await == 0).await;
    assert_eq!(messages("DEAD").await, 1);
    let mut seen = seen.lock().unwrap().clone();
    seen.sort();
    assert_eq!(
        seen,
        [(1, "plain".to_owned()), (1, "poison".to_owned()), (1, "twice".to_owned()), (2, "twice".to_owned())]
    );
    stop.cancel();
    run.await.unwrap();
}

/// What a feed that goes on after `mark` tells first: a sequence; 0 for having caught up; none where the stream is another.
async fn resumed(broker: &Broker, mark: Option<Mark>) -> Option<u64> {
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let gate = broker.role(Role::Gate).await;
    let mut feed = Feed::resume(&gate, &[(StreamName::Orders, mark)], &tasks, &stop);
    let heard = tokio::time::timeout(Duration::from_secs(30), feed.next()).await.expect("nothing was heard");
    assert_eq!(feed.diverged(), heard.is_none().then_some(StreamName::Orders));
    stop.cancel();
    match heard? {
        Heard::Record(record) => Some(record.sequence),
        Heard::CaughtUp => Some(0),
    }
}

#[tokio::test]
async fn a_reader_goes_on_after_what_it_kept_and_notices_another_stream() {
    let broker = Broker::start().await;
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    let order = async || {
        alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    };
    order().await;
    order().await;
    let gate = broker.role(Role::Gate).await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut feed = Feed::resume(&gate, &[(StreamName::Orders, None)], &tasks, &stop);
    let (first, second) = (next_record(&mut feed).await, next_record(&mut feed).await);
    stop.cancel();
    let mark = |sequence, record: &bus::Record| Some(Mark { sequence, fingerprint: record.fingerprint() });

    assert_eq!(resumed(&broker, None).await, Some(1));
    assert_eq!(resumed(&broker, mark(1, &first)).await, Some(2));
    assert_eq!(resumed(&broker, mark(2, &second)).await, Some(0));
    // Another message stands in its place, or none: the same text at another time is another order.
    assert_eq!(resumed(&broker, mark(2, &first)).await, None);
    assert_eq!(resumed(&broker, mark(1, &second)).await, None);
    assert_eq!(resumed(&broker, mark(3, &second)).await, None);
}

#[tokio::test]
async fn a_running_reader_notices_that_the_broker_is_another() {
    let mut broker = Broker::start().await;
    let alice = async_nats::jetstream::new(broker.operator("alice").await);
    alice.publish("plimsoll.base.banned.alice", BAN.into()).await.unwrap().await.unwrap();
    let gate = broker.role(Role::Gate).await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut feed = Feed::resume(&gate, &[(StreamName::Orders, None)], &tasks, &stop);
    assert_eq!(next_record(&mut feed).await.sequence, 1);
    assert!(matches!(feed.next().await, Some(Heard::CaughtUp)));

    broker.lose_everything().await;
    let heard =
        tokio::time::timeout(Duration::from_secs(60), feed.next()).await.expect("nothing was noticed");
    assert!(heard.is_none(), "{heard:?}");
    assert_eq!(feed.diverged(), Some(StreamName::Orders));
    stop.cancel();
}

/// An earlier version had one consumer for all lanes; with it, the broker takes none for a single lane.
#[tokio::test]
async fn a_consumer_of_an_earlier_version_makes_way() {
    let broker = Broker::start().await;
    let admin = async_nats::jetstream::new(broker.raw("provision-pipe").await);
    let queue = admin.get_stream("WORK_BUILD").await.unwrap();
    for durable in Role::Worker.spec().consumes {
        queue.delete_consumer(durable.name).await.unwrap();
    }
    let earlier = async_nats::jetstream::consumer::pull::Config {
        durable_name: Some("worker".to_owned()),
        filter_subject: "plimsoll.work.build.>".to_owned(),
        ..Default::default()
    };
    queue.create_consumer(earlier).await.unwrap();
    broker.role(Role::Planner).await.publish(job("kept"), "kept").await.unwrap();
    broker.bootstrap().await;
    let mut names: Vec<String> = queue.consumer_names().try_collect().await.unwrap();
    names.sort();
    assert_eq!(names, ["worker-campaign", "worker-routine", "worker-urgent"]);
    let left = admin.get_stream("WORK_BUILD").await.unwrap().cached_info().state.messages;
    assert_eq!(left, 1, "its work is the new ones'");
}
