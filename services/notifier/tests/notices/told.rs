//! Who is told what, and how often.

use events::fact::{BuildFinished, FailureClass, Outcome};
use testkit::git::BRANCH;
use verdict::Sequence;

use crate::world::{DIFF, World, build};

#[tokio::test]
async fn a_team_gets_the_change_that_was_built_as_a_branch_and_a_webhook_once() {
    let world = World::start().await;
    let commit = world.project("app", "good").await;
    // Later work of the team's own does not matter: the change is of the commit that was built.
    world.git.commit_and_push("app", &[("Dockerfile", "FROM scratch\n")], "second").await.unwrap();
    let rewritten = build("app", &commit, Outcome::Published, DIFF);
    world.finished(rewritten.clone(), "first").await;
    let notice = world.notice("app").await;
    let branch = notice["branch"].as_str().unwrap().to_owned();
    assert!(branch.starts_with("plimsoll/app/"), "{branch}");
    assert_eq!(notice["outcome"], "published");
    assert_eq!(notice["diff"], DIFF);
    assert_eq!(notice["findings"][0]["line"], 1);
    let read = world.git.read_branch("app", &branch, "Dockerfile").await.unwrap();
    assert_eq!(read.as_deref(), Some("FROM os:2\nRUN true\n"));

    // The same again is no news, and neither is a build of what was written; a rebuild for a ban is.
    world.finished(rewritten.clone(), "again").await;
    world.finished(build("app", &commit, Outcome::Published, ""), "plain").await;
    world.project("last", "good").await;
    world
        .finished(BuildFinished { ban: Some(Sequence(17)), build: "rebuild".to_owned(), ..rewritten }, "ban")
        .await;
    world.finished(build("last", &commit, Outcome::Refused, ""), "last").await;
    assert_eq!(world.notice("last").await["outcome"], "refused");
    let told = async || world.receiver.of("app").len() == 2;
    testkit::wait::eventually("the rebuild to be told", crate::world::STEP, told).await.unwrap();
    let rebuilt = world.receiver.of("app")[1].clone();
    assert_eq!((rebuilt["ban"].as_u64(), rebuilt["build"].as_str()), (Some(17), Some("rebuild")));
    let branches = world.git.branches("app").await.unwrap();
    assert_eq!(branches.len(), 3, "{branches:?}");
    assert_eq!(
        world.git.read_branch("app", BRANCH, "Dockerfile").await.unwrap().as_deref(),
        Some("FROM scratch\n")
    );
}

#[tokio::test]
async fn what_a_team_cannot_be_given_it_is_told() {
    let world = World::start().await;
    let commit = world.project("app", "good").await;
    world.finished(build("app", &commit, Outcome::Published, &DIFF.replace("os:1", "os:7")), "unfit").await;
    let notice = world.notice("app").await;
    assert!(notice["branch"].is_null(), "{notice}");
    assert!(notice["message"].as_str().unwrap().contains("does not apply"), "{notice}");
    assert_eq!(world.git.branches("app").await.unwrap(), [BRANCH]);
}

#[tokio::test]
async fn bad_receivers_hold_up_nobody_and_cannot_lead_astray() {
    let world = World::start().await;
    for (project, behaviour) in
        [("silent", "silent"), ("moved", "moved"), ("busy", "busy-at-first"), ("app", "good")]
    {
        let commit = world.project(project, behaviour).await;
        world.finished(build(project, &commit, Outcome::Failed, ""), "first").await;
    }
    world.notice("app").await;
    world.notice("busy").await;
    let letter = world.dead_letter().await;
    assert_eq!(letter.subject, "plimsoll.build.finished.moved");
    assert!(letter.reason.contains("302"), "{}", letter.reason);
    // The redirect would have ended there.
    assert!(world.receiver.of("moved").is_empty());
}

#[tokio::test]
async fn what_waits_is_told_once_and_so_is_that_it_works_again() {
    let world = World::start().await;
    let commit = world.project("app", "good").await;
    let now = time::OffsetDateTime::now_utc();
    for attempt in 1..4 {
        let waiting = BuildFinished {
            attempt,
            class: Some(FailureClass::Ours),
            retry_at: Some(now),
            waits_since: Some(now),
            ..build("app", &commit, Outcome::Failed, "")
        };
        world.finished(waiting, &format!("attempt {attempt}")).await;
    }
    assert!(world.notice("app").await["message"].as_str().unwrap().contains("tried again"));
    let works =
        BuildFinished { attempt: 4, waits_since: Some(now), ..build("app", &commit, Outcome::Published, "") };
    world.finished(works, "attempt 4").await;
    let told = async || world.receiver.of("app").len() >= 2;
    testkit::wait::eventually("the end of the wait to be told", crate::world::STEP, told).await.unwrap();
    let told = world.receiver.of("app");
    assert_eq!((told.len(), told[1]["outcome"].as_str()), (2, Some("published")), "{told:?}");
}
