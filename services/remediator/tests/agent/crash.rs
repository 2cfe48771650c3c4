//! An agent that died at any point of a run, and the one that comes after it: the remedy ran once.

use containers::Container;
use events::{
    fact::{ContainerRemedied, RunState},
    order,
    topology::Bucket,
};
use remediator::{
    due::Run,
    journal::{Step, key},
};
use serde_json::json;
use testkit::wait::eventually;
use time::OffsetDateTime;
use verdict::Sequence;

use crate::{
    broker::NODE,
    site::{BOUND, Site},
};

fn run(ban: Sequence, remedy: &str, container: &Container) -> Run {
    Run {
        ban,
        remedy: remedy.parse().unwrap(),
        container: container.id.clone(),
        started_at: container.started_at.clone().unwrap(),
    }
}

#[tokio::test]
async fn a_run_is_taken_up_where_its_agent_died() {
    let site = Site::start().await;
    let ban = site.ban().await;
    site.broker.order(order::REMEDY, json!({"ban": ban.to_string(), "remedy": "again"})).await;
    let connection = site.broker.agent().await;
    let entries = connection.entries(Bucket::Runs).await.unwrap();
    let write = async |remedy: &str, container: &Container, step: Step| {
        let key = key(NODE, &run(ban, remedy, container));
        entries.create(&key, step.encode()).await.unwrap();
    };
    let prepare = async |container: &Container| {
        let argv = ["sh", "-c", "echo x >> /patched"].map(str::to_owned);
        site.runtime.prepare(&container.id, &argv, None).await.unwrap()
    };
    let start = async |exec: &containers::ExecId| site.runtime.start(exec, 1024, BOUND).await.unwrap();
    let forgotten = Step::Prepared { attempt: 1, exec: "0".repeat(64).parse().unwrap() };

    let claimed = site.run("app", "claimed").await;
    write("patch", &claimed, Step::Claimed { attempt: 1 }).await;
    let unwritten = site.run("app", "unwritten").await;
    write("patch", &unwritten, Step::Claimed { attempt: 1 }).await;
    prepare(&unwritten).await;
    let prepared = site.run("app", "prepared").await;
    write("patch", &prepared, Step::Prepared { attempt: 1, exec: prepare(&prepared).await }).await;
    let finished = site.run("app", "finished").await;
    let exec = prepare(&finished).await;
    write("patch", &finished, Step::Prepared { attempt: 1, exec: exec.clone() }).await;
    start(&exec).await;
    let lost = site.run("app", "lost").await;
    write("patch", &lost, forgotten.clone()).await;
    write("again", &lost, forgotten).await;
    let untold = site.run("app", "untold").await;
    let fact = ContainerRemedied {
        node: NODE.to_owned(),
        container: untold.id.to_string(),
        name: "untold".to_owned(),
        started_at: untold.started_at.clone().unwrap(),
        ban,
        remedy: "patch".parse().unwrap(),
        state: RunState::Failed,
        exit_code: 9,
        output: "as it was".to_owned(),
        at: OffsetDateTime::UNIX_EPOCH,
    };
    write("patch", &untold, Step::Ended(Box::new(fact.clone()))).await;

    let mut agent = site.agent().await;
    site.check("claimed", RunState::Ok, 0, 1).await;
    site.check("unwritten", RunState::Ok, 0, 1).await;
    site.check("prepared", RunState::Ok, 0, 1).await;
    site.check("finished", RunState::Ok, 0, 1).await;
    // Nobody knows whether it ran, so it does not run again unless it is declared to bear that.
    site.check("lost", RunState::Unknown, -1, 0).await;
    assert_eq!(site.remedied("lost", "again", 0).await.state, RunState::Ok);
    assert_eq!(site.count("lost", "/again").await, 1);
    site.check("untold", RunState::Failed, 9, 0).await;
    assert_eq!(site.remedied("untold", "patch", 0).await, fact);
    agent.terminate(BOUND).await.unwrap();
    site.docker.stop().unwrap();
}

#[tokio::test]
async fn an_agent_killed_while_its_remedy_runs_does_not_run_it_twice() {
    let site = Site::start().await;
    let container = site.run("app", "busy").await;
    site.docker(&["exec", "busy", "touch", "/hang"]).await;
    let mut agent = site.agent().await;
    let ban = site.ban().await;
    eventually("the remedy to run", BOUND, async || site.count("busy", "/patched").await == 1).await.unwrap();
    agent.kill().unwrap();

    let entries = site.broker.agent().await.entries(Bucket::Runs).await.unwrap();
    let (value, _) = entries.get(&key(NODE, &run(ban, "patch", &container))).await.unwrap().unwrap();
    assert!(matches!(Step::decode(&value).unwrap(), Step::Prepared { attempt: 1, .. }));
    // Still running: the next agent waits for its end for as long as the remedy may take.
    let mut agent = site.agent().await;
    site.check("busy", RunState::TimedOut, -1, 1).await;
    agent.terminate(BOUND).await.unwrap();
    site.docker.stop().unwrap();
}
