//! What is larger than the broker takes is said so, by size and limit, on whichever side it is: nobody waits for it, and nobody tries it again.

use std::time::Duration;

use artifact::Digest;
use bus::{Connection, Error};
use events::{
    Body,
    fact::{Finding, ScanFinished},
    rpc::{ScanReply, ScanRequest},
    topology::{Bucket, Role},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::embedded::Broker;

/// More than any message may have.
const TOO_MANY: usize = 1 << 20;
/// What the brokers of these tests take.
const LIMIT: &str = "1048576";
/// Sooner than a publication is given up, or a question.
const BOUND: Duration = Duration::from_secs(20);

fn question(definition: String) -> ScanRequest {
    ScanRequest { definition, ..ScanRequest::default() }
}

/// Has as many bytes of findings as the definition says.
fn reply(asked: ScanRequest) -> ScanReply {
    let message = "x".repeat(asked.definition.parse().unwrap_or_default());
    let finding = Finding { line: 1, code: "DL1000".to_owned(), level: "error".to_owned(), message };
    ScanReply {
        refused: true,
        findings: vec![finding],
        uses: Vec::new(),
        as_of: 7,
        definition_digest: None,
        catalog_revision: 0,
        policy_revision: 0,
    }
}

fn scanned(bytes: usize) -> ScanFinished {
    let findings = reply(question(bytes.to_string())).findings;
    ScanFinished {
        build: "b".to_owned(),
        project: "shop".parse().unwrap(),
        commit: "c".to_owned(),
        definition_digest: Digest::of(b"FROM a"),
        refused: true,
        findings,
        catalog_revision: 1,
        policy_revision: 1,
        became_refused: false,
    }
}

/// Fails soon, for good, and with both numbers.
async fn check<T: std::fmt::Debug>(size: usize, tried: impl Future<Output = Result<T, Error>>) {
    let tried = tokio::time::timeout(BOUND, tried).await.expect("it is tried for ever");
    let error = tried.unwrap_err();
    assert!(!error.is_retryable(), "{error:?}");
    let said = error.to_string();
    for part in [LIMIT, &size.to_string()] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
}

#[tokio::test]
async fn a_question_or_an_answer_that_is_too_large_is_told_by_its_size() {
    let broker = Broker::start().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let listed = broker.role(Role::Scanner).await.list("scanner", "A scanner of the test.").await.unwrap();
    listed
        .answer::<ScanRequest, _, _>(&tasks, &stop, async |asked: ScanRequest| Ok(reply(asked)))
        .await
        .unwrap();
    let worker = broker.role(Role::Worker).await;
    let large = question("x".repeat(TOO_MANY));
    let size = large.clone().encode().len();
    check(size, worker.ask(large, BOUND)).await;
    let wish = question(TOO_MANY.to_string());
    let size = reply(wish.clone()).encode().len();
    check(size, worker.ask(wish, BOUND)).await;
    // What is just below goes both ways, headers and all.
    let below = TOO_MANY - 2048;
    assert_eq!(worker.ask(question(below.to_string()), BOUND).await.unwrap().as_of, 7);
    assert_eq!(worker.ask(question("x".repeat(below)), BOUND).await.unwrap().as_of, 7);
    stop.cancel();
}

#[tokio::test]
async fn what_is_too_large_to_be_stored_is_not_tried_again() {
    let broker = Broker::start().await;
    let worker: Connection = broker.role(Role::Worker).await;
    let size = Body::encode(scanned(TOO_MANY)).len();
    check(size, worker.publish(scanned(TOO_MANY), "a build")).await;
    check(size, worker.publish_behind(scanned(TOO_MANY), "a build", 0)).await;
    let definitions = worker.entries(Bucket::Definitions).await.unwrap();
    check(TOO_MANY, definitions.put("shop", vec![b'x'; TOO_MANY])).await;
    check(TOO_MANY, definitions.create("shop", vec![b'x'; TOO_MANY])).await;
    check(TOO_MANY, definitions.update("shop", vec![b'x'; TOO_MANY], 1)).await;
    worker.publish(scanned(TOO_MANY - 2048), "a build").await.unwrap();
}
