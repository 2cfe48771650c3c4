//! Whoever asks is answered in time, also where the answer is that there is none.

use std::{future::pending, time::Duration};

use bus::{Connection, Error, rpc::Listed};
use events::{
    Body as _,
    rpc::{ScanReply, ScanRequest},
    topology::Role,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::embedded::Broker;

/// The definition to which this scanner never finds an answer.
const ENDLESS: &str = "FROM endless";

/// Longer than any asker of these tests waits.
const BOUND: Duration = Duration::from_secs(20);

fn question(definition: &str) -> ScanRequest {
    ScanRequest { definition: definition.to_owned(), ..ScanRequest::default() }
}

async fn scanner(broker: &Broker, tasks: &TaskTracker, stop: &CancellationToken) -> Listed {
    let listed = broker.role(Role::Scanner).await.list("scanner", "A scanner of the test.").await.unwrap();
    let answer = async |asked: ScanRequest| {
        if asked.definition == ENDLESS {
            pending::<()>().await;
        }
        if asked.definition.is_empty() {
            return Err("there is no definition".to_owned());
        }
        Ok(ScanReply {
            refused: false,
            findings: Vec::new(),
            uses: Vec::new(),
            as_of: 7,
            definition_digest: None,
            catalog_revision: 0,
            policy_revision: 0,
        })
    };
    listed.answer::<ScanRequest, _, _>(tasks, stop, answer).await.unwrap();
    listed
}

/// Asks with `patience`, and hears something before it ends.
async fn ask(asker: &Connection, definition: &str, patience: Duration) -> Result<u64, Error> {
    let began = std::time::Instant::now();
    let answer = asker.ask(question(definition), patience).await.map(|reply| reply.as_of);
    assert!(began.elapsed() < patience, "silence");
    answer
}

#[tokio::test]
async fn a_question_is_answered_in_time_or_told_that_it_is_not() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _listed = scanner(&broker, &tasks, &stop).await;
    let worker = broker.role(Role::Worker).await;
    assert_eq!(ask(&worker, "FROM base", BOUND).await.unwrap(), 7);
    let wrong = ask(&worker, "", BOUND).await.unwrap_err();
    assert!(matches!(wrong, Error::Answer { .. }) && !wrong.is_retryable(), "{wrong}");
    let slow = ask(&worker, ENDLESS, Duration::from_secs(2)).await.unwrap_err();
    assert!(matches!(slow, Error::Unanswered { .. }) && slow.is_retryable(), "{slow}");
    assert_eq!(ask(&worker, "FROM base", BOUND).await.unwrap(), 7);
    stop.cancel();
}

#[tokio::test]
async fn a_client_that_says_no_patience_hears_within_five_seconds() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _listed = scanner(&broker, &tasks, &stop).await;
    let stock = broker.raw("worker").await;
    let request = async_nats::Request::new()
        .payload(question(ENDLESS).encode().into())
        .timeout(Some(Duration::from_secs(5)));
    let answer = stock.send_request("plimsoll.rpc.scanner.scan", request).await.unwrap();
    let code = answer.headers.unwrap().get("Nats-Service-Error-Code").unwrap().to_string();
    assert_eq!(code, "504");
    stop.cancel();
}

/// More than are answered at once, and none of them ever: each is told so, and then the next is answered.
#[tokio::test]
async fn a_crowd_of_slow_questions_is_told_and_leaves() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _listed = scanner(&broker, &tasks, &stop).await;
    let worker = broker.role(Role::Worker).await;
    let crowd = (0..150).map(|_| ask(&worker, ENDLESS, Duration::from_secs(5)));
    for answer in futures::future::join_all(crowd).await {
        let error = answer.unwrap_err();
        assert!(matches!(error, Error::Unanswered { .. }), "{error}");
    }
    assert_eq!(ask(&worker, "FROM base", BOUND).await.unwrap(), 7);
    stop.cancel();
}
