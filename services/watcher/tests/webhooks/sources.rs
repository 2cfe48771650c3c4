//! From a push to a git repository to a fact in SOURCES.

use events::{fact::SourcePushed, order};

use crate::world::World;

fn project(name: &str, source: &str, branch: &str) -> String {
    format!(
        r#"{{"name":"{name}","source":"{source}","branch":"{branch}","image":"127.0.0.1:9/team/{name}:1"}}"#
    )
}

#[tokio::test]
async fn a_push_to_a_projects_branch_is_a_fact_once() {
    let world = World::start().await;
    let source = world.git.create("app").await.unwrap();
    world.git.create("other").await.unwrap();
    world.order(order::PROJECT, &project("app", &source, "main")).await;
    world.order(order::PROJECT, &project("elsewhere", &source, "next")).await;

    let first = world.git.commit_and_push("app", &[("Dockerfile", "FROM a:1\n")], "first").await.unwrap();
    let facts = world.published::<SourcePushed>(1, |_| true).await;
    assert_eq!(facts[0].commit, first);
    assert_eq!((facts[0].project.as_str(), facts[0].branch.as_str()), ("app", "main"));

    // Of no project's: taken, and of no interest.
    world.git.commit_and_push("other", &[("Dockerfile", "FROM a:1\n")], "first").await.unwrap();
    let second = world.git.commit_and_push("app", &[("Dockerfile", "FROM a:2\n")], "second").await.unwrap();
    world.published::<SourcePushed>(1, |fact| fact.commit == second).await;
    world.published::<SourcePushed>(2, |_| true).await;
    let statuses: Vec<_> =
        world.git.deliveries().unwrap().into_iter().map(|delivery| delivery.status).collect();
    assert_eq!(statuses, [Some(202); 3], "{}", world.watcher.log());
}

#[tokio::test]
async fn a_project_is_looked_at_when_it_is_ordered_and_after_every_start() {
    let mut world = World::start().await;
    let source = world.git.create("app").await.unwrap();
    let head = world.git.commit_and_push("app", &[("Dockerfile", "FROM a:1\n")], "first").await.unwrap();
    world.order(order::PROJECT, &project("app", &source, "main")).await;
    world.published::<SourcePushed>(1, |fact| fact.commit == head).await;

    world.watcher.kill().unwrap();
    let missed = world.git.commit_and_push("app", &[("Dockerfile", "FROM a:2\n")], "second").await.unwrap();
    world.watcher.restart().unwrap();
    world.published::<SourcePushed>(1, |fact| fact.commit == missed).await;
}
