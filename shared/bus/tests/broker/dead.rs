//! What cannot be handled is never silent: it lies in DEAD, whole and with its reason, until a person has it tried again.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::consumer::pull;
use bus::{
    Classify, Connection, Delivery, Disposition, Handler, Limits, Outbox, consume, dead::Redriven,
    keyring::operator_identity,
};
use events::{
    Event as _,
    fact::{BuildJob, BuildStarted, DeadLetter, Lane, Redrive},
    topology::{Durable, Role},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use verdict::Operator;

use crate::embedded::{Broker, eventually};

/// How the handler behaves at the moment.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Retries,
    Rejects,
    Dies,
    Works,
    /// Says more than the broker takes.
    Rambles,
}

struct Moody {
    mood: Mutex<Mood>,
    handled: AtomicU64,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the registry is away")]
    Later,
    #[error("the job names no project")]
    Never,
}

impl Classify for Failure {
    fn disposition(&self) -> Disposition {
        match self {
            Self::Later => Disposition::Retry(Duration::from_millis(10)),
            Self::Never => Disposition::Reject,
        }
    }
}

impl Handler for Moody {
    type Error = Failure;

    async fn handle(&self, delivery: Delivery) -> Result<Outbox, Failure> {
        self.handled.fetch_add(1, Ordering::SeqCst);
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Retries => Err(Failure::Later),
            Mood::Rejects => Err(Failure::Never),
            Mood::Dies => panic!("the handler dies, as the test wants"),
            Mood::Works | Mood::Rambles => {
                let job: BuildJob = delivery.decode().map_err(|_| Failure::Never)?;
                let more = if matches!(mood, Mood::Rambles) { 1 << 20 } else { 0 };
                let mut outbox = Outbox::default();
                outbox.push(BuildStarted {
                    build: job.build + &"x".repeat(more),
                    project: job.project,
                    commit: job.commit,
                    ban: None,
                });
                Ok(outbox)
            }
        }
    }
}

/// A worker whose patience ends soon, its handler, and alice, who looks after what it laid aside.
struct Site {
    broker: Broker,
    handler: Arc<Moody>,
    planner: Connection,
    alice: Connection,
    stop: CancellationToken,
}

const PATIENCE: i64 = 3;
const BOUND: Duration = Duration::from_secs(10);

impl Site {
    async fn start(mood: Mood) -> Self {
        let broker = Broker::start().await;
        let durable = Durable {
            max_deliver: PATIENCE,
            ack_wait: Duration::from_millis(300),
            ..Role::Worker.spec().consumes[0]
        };
        let admin = async_nats::jetstream::new(broker.raw("provision-pipe").await);
        for (stream, filter) in [("WORK_BUILD", durable.filter), ("REDRIVE", durable.redriven)] {
            // As bootstrap makes it, but for the wait: a dead handler is noticed soon.
            let consumer = pull::Config {
                durable_name: Some(durable.name.to_owned()),
                filter_subject: filter.to_owned(),
                ack_wait: durable.ack_wait,
                max_ack_pending: 64,
                ..pull::Config::default()
            };
            admin.create_consumer_on_stream(consumer, stream).await.unwrap();
        }
        let handler = Arc::new(Moody { mood: Mutex::new(mood), handled: AtomicU64::new(0) });
        let stop = CancellationToken::new();
        let limits = Limits { concurrency: 1, grace: Duration::from_secs(1) };
        let worker = broker.role(Role::Worker).await;
        TaskTracker::new().spawn(consume(worker, durable, Arc::clone(&handler), limits, stop.clone()));
        let alice = broker.connect_as(&operator_identity(&alice()), "alice").await;
        let planner = broker.role(Role::Planner).await;
        Self { broker, handler, planner, alice, stop }
    }

    fn is_now(&self, mood: Mood) {
        *self.handler.mood.lock().unwrap() = mood;
    }

    async fn letters(&self) -> Vec<DeadLetter> {
        self.alice.dead_letters().await.unwrap()
    }

    /// The one letter that there is, once it is there.
    async fn letter(&self) -> DeadLetter {
        eventually("a letter is in DEAD", async || self.letters().await.len() == 1).await;
        self.letters().await.remove(0)
    }

    async fn messages(&self, stream: &str) -> u64 {
        let admin = async_nats::jetstream::new(self.broker.raw("provision-pipe").await);
        admin.get_stream(stream).await.unwrap().cached_info().state.messages
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn alice() -> Operator {
    "alice".parse().unwrap()
}

fn job() -> BuildJob {
    BuildJob {
        build: "b".to_owned(),
        project: "app".parse().unwrap(),
        commit: "c".to_owned(),
        ban: None,
        pushed: 0,
        attempt: 1,
        lane: Lane::Urgent,
        waits_since: None,
    }
}

/// A message that meets `mood` is laid aside after `handled` attempts, whole and with `reason`.
async fn check(mood: Mood, handled: u64, deliveries: u64, reason: &str) -> Site {
    let site = Site::start(mood).await;
    let sequence = site.planner.publish(job(), "test").await.unwrap();
    let letter = site.letter().await;
    assert_eq!(letter.body.as_bytes(), job().encode(), "the letter holds the message");
    assert_eq!(letter.subject, job().subject().as_str());
    assert_eq!((letter.sequence, letter.deliveries), (sequence, deliveries));
    assert!(letter.reason.contains(reason), "{}", letter.reason);
    assert_eq!(site.handler.handled.load(Ordering::SeqCst), handled);
    eventually("the queue is empty", async || site.messages("WORK_BUILD").await == 0).await;
    site
}

#[tokio::test]
async fn what_is_rejected_is_laid_aside_at_once() {
    check(Mood::Rejects, 1, 1, "no project").await;
}

#[tokio::test]
async fn what_fails_each_time_is_laid_aside_when_patience_ends() {
    check(Mood::Retries, 3, 3, "registry is away").await;
}

#[tokio::test]
async fn what_makes_a_fact_that_the_broker_does_not_take_is_laid_aside_at_once() {
    check(Mood::Rambles, 1, 1, "1048576 in one message").await;
}

/// Nobody lives to say what happened: neither the handler nor the broker would ever mention the message again.
#[tokio::test]
async fn what_kills_its_handler_each_time_is_laid_aside_too() {
    check(Mood::Dies, 3, 4, "no handler lived").await;
}

#[tokio::test]
async fn a_letter_is_redriven_until_it_is_handled_and_then_gone() {
    let site = check(Mood::Retries, 3, 3, "registry is away").await;
    site.is_now(Mood::Rejects);
    let letter = site.letter().await;
    let redriven = site.alice.redrive(&letter, &alice(), BOUND).await.unwrap();
    let Redriven::Failed(again) = redriven else { panic!("{redriven:?}") };
    assert!(again.reason.contains("no project") && again.deliveries == 4, "{again:?}");
    assert_eq!(
        site.letters().await,
        std::slice::from_ref(&again),
        "it waits on, once, with the newest reason"
    );

    site.is_now(Mood::Works);
    assert_eq!(site.alice.redrive(&again, &alice(), BOUND).await.unwrap(), Redriven::Handled);
    assert_eq!(site.letters().await, []);
    assert_eq!(site.messages("BUILDS").await, 1, "what the handler said is stored");

    // Twice is once.
    assert_eq!(
        site.alice.redrive(&again, &alice(), Duration::from_millis(500)).await.unwrap(),
        Redriven::Asked
    );
    eventually("nobody is asked any more", async || site.messages("REDRIVE").await == 0).await;
    assert_eq!(site.messages("BUILDS").await, 1);
}

#[tokio::test]
async fn a_redrive_that_kills_its_handler_leaves_the_letter() {
    let site = check(Mood::Rejects, 1, 1, "no project").await;
    site.is_now(Mood::Dies);
    let letter = site.letter().await;
    let redriven = site.alice.redrive(&letter, &alice(), BOUND).await.unwrap();
    let Redriven::Failed(again) = redriven else { panic!("{redriven:?}") };
    assert_eq!(again.body, letter.body);
    assert_eq!(site.letters().await, [again]);
}

#[tokio::test]
async fn a_redrive_of_nothing_ends() {
    let site = Site::start(Mood::Works).await;
    let nothing = Redrive {
        stream: "WORK_BUILD".to_owned(),
        consumer: "worker-urgent".to_owned(),
        sequence: 7,
        operator: "alice".to_owned(),
    };
    site.alice.publish(nothing, "test").await.unwrap();
    eventually("nobody is asked any more", async || site.messages("REDRIVE").await == 0).await;
    assert_eq!(site.handler.handled.load(Ordering::SeqCst), 0);
}
