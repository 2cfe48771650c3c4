//! A fact that belongs behind another is stored once, however many say it, and however often.

use artifact::Digest;
use bus::{Connection, bucket::Placed};
use events::{
    fact::ScanFinished,
    topology::{Role, StreamName},
};

use crate::embedded::Broker;

fn scanned(project: &str, refused: bool) -> ScanFinished {
    ScanFinished {
        build: String::new(),
        project: project.parse().unwrap(),
        commit: "c".to_owned(),
        definition_digest: Digest::of(b"FROM a"),
        refused,
        findings: Vec::new(),
        catalog_revision: 1,
        policy_revision: 1,
        became_refused: refused,
    }
}

async fn place(connection: &Connection, fact: ScanFinished, cause: &str, after: u64) -> Placed {
    connection.publish_behind(fact, cause, after).await.unwrap()
}

#[tokio::test]
async fn of_all_who_knew_the_same_last_fact_one_succeeds() {
    let broker = Broker::start().await;
    let (one, other) = (broker.role(Role::Scanner).await, broker.role(Role::Scanner).await);
    assert_eq!(place(&one, scanned("a", false), "r1", 0).await, Placed::Stored(1));
    assert_eq!(
        place(&one, scanned("b", false), "r1", 0).await,
        Placed::Stored(2),
        "each project has its own"
    );
    // Said again, by another or after an acknowledgement that was lost, it finds itself there.
    assert_eq!(place(&other, scanned("a", true), "r1", 0).await, Placed::Overtaken);
    assert_eq!(place(&one, scanned("a", false), "r1", 0).await, Placed::Overtaken);
    assert_eq!(place(&other, scanned("a", false), "r2", 0).await, Placed::Overtaken);
    assert_eq!(place(&other, scanned("a", false), "r2", 1).await, Placed::Stored(3));
    assert_eq!(place(&one, scanned("a", false), "r3", 1).await, Placed::Overtaken);
    let both =
        tokio::join!(place(&one, scanned("a", true), "x", 3), place(&other, scanned("a", false), "y", 3));
    assert!(
        matches!(both, (Placed::Stored(4), Placed::Overtaken) | (Placed::Overtaken, Placed::Stored(4))),
        "{both:?}"
    );
    assert_eq!(broker.stored(StreamName::Builds).await, 4);
}
