//! One project, one commit: what is due after which ends.

use events::fact::{BuildFinished, FailureClass};
use time::{Duration, OffsetDateTime};

use super::*;
use crate::planner::campaign::build_id;

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::seconds(seconds)
}

fn app() -> Name {
    "app".parse().unwrap()
}

struct World {
    state: State,
    source: Pushed,
}

impl World {
    fn new() -> Self {
        Self { state: State::default(), source: Pushed { commit: "c0ffee".to_owned(), place: 7 } }
    }

    fn build(&self) -> String {
        build_id(&app(), &self.source.commit, None)
    }

    fn release(&mut self, attempt: u32, seconds: i64) {
        self.state.released(app(), self.build(), attempt, at(seconds));
    }

    fn end(&mut self, attempt: u32, seconds: i64, outcome: Outcome, class: Option<FailureClass>, host: &str) {
        let is_retried = class.is_some_and(FailureClass::is_retried);
        let fact = BuildFinished {
            build: self.build(),
            project: app(),
            commit: self.source.commit.clone(),
            ban: None,
            outcome,
            image: None,
            digest: None,
            inputs: Vec::new(),
            diff: String::new(),
            definition: String::new(),
            message: "why".to_owned(),
            findings: Vec::new(),
            pushed: self.source.place,
            attempt,
            class,
            retry_at: is_retried.then(|| at(seconds + 100)),
            waits_since: is_retried.then(|| at(seconds)),
            waits_for: host.to_owned(),
        };
        self.state.build_finished(fact, at(seconds));
    }

    #[track_caller]
    fn check(&self, seconds: i64, expected: Due) {
        assert_eq!(due(&self.state, &app(), &self.source, &self.build(), at(seconds)), expected);
    }
}

#[test]
fn what_failed_for_a_reason_outside_comes_again_after_its_pause() {
    let mut world = World::new();
    world.check(0, Due::Now(1));
    world.release(1, 0);
    world.check(1000, Due::Not);
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Ours), "");
    world.check(109, Due::At(at(110)));
    world.check(110, Due::Now(2));
    world.release(2, 110);
    world.check(1000, Due::Not);
    world.end(2, 120, Outcome::Failed, Some(FailureClass::Transient), "");
    world.check(220, Due::Now(3));
    assert!(world.state.is_under_way(&app()));
    world.release(3, 220);
    world.end(3, 230, Outcome::Published, None, "");
    world.check(10_000, Due::Not);
    assert!(!world.state.is_under_way(&app()));
    // The first attempt's job is given out once more, and fails: there is an image all the same.
    world.end(1, 300, Outcome::Failed, Some(FailureClass::Ours), "");
    world.check(10_000, Due::Not);
}

#[test]
fn the_teams_failure_waits_for_a_person_or_a_changed_project() {
    let mut world = World::new();
    world.release(1, 0);
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Team), "");
    world.check(10_000, Due::Not);
    world.state.changes.insert(app(), at(20));
    world.check(20, Due::Now(2));
    world.release(2, 20);
    world.check(30, Due::Not);
    world.end(2, 40, Outcome::Refused, Some(FailureClass::Team), "");
    world.check(10_000, Due::Not);
    world.state.requests.insert(app(), at(50));
    world.check(50, Due::Now(3));
    world.release(3, 50);
    world.check(60, Due::Not);
    // A person may ask while it is under way, or lost; a changed project does not hurry it.
    world.state.changes.insert(app(), at(70));
    world.check(70, Due::Not);
    world.state.requests.insert(app(), at(80));
    world.check(80, Due::Now(4));
}

#[test]
fn the_same_commit_pushed_again_ends_the_pause_of_what_waits_alone() {
    let mut world = World::new();
    world.release(1, 0);
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Transient), "");
    world.check(20, Due::At(at(110)));
    world.source.place = 8;
    world.check(20, Due::Now(2));
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Team), "");
    world.source.place = 9;
    world.check(20, Due::Not);
}

#[test]
fn all_that_wait_for_a_host_come_when_it_has_answered_one() {
    let mut world = World::new();
    world.release(1, 0);
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Transient), "git.test");
    let mut other = World { source: Pushed { commit: "beef".to_owned(), place: 6 }, ..World::new() };
    other.state = world.state.clone();
    other.release(1, 0);
    other.end(1, 11, Outcome::Failed, Some(FailureClass::Transient), "git.test");
    world.state = other.state.clone();
    world.check(20, Due::At(at(110)));
    other.release(2, 15);
    other.end(2, 16, Outcome::Failed, Some(FailureClass::Team), "");
    world.state = other.state;
    world.check(20, Due::Now(2));
}

#[test]
fn a_newer_push_supersedes_what_waits() {
    let mut world = World::new();
    world.release(1, 0);
    world.end(1, 10, Outcome::Failed, Some(FailureClass::Transient), "");
    assert!(world.state.is_under_way(&app()));
    world.state.pushed(app(), Pushed { commit: "newer".to_owned(), place: 9 });
    assert!(!world.state.is_under_way(&app()));
}
