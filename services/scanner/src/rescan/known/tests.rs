//! Who is due when: facts in, the next project out.

use bus::Record;
use events::{Event as _, topology::StreamName};
use time::OffsetDateTime;

use super::*;

const NOW: Rulebook = Rulebook { catalog: 10, policies: 5 };

fn names(names: &[&str]) -> Vec<Name> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn hear(known: &mut Known, sequence: u64, project: &str, (catalog, policies): (u64, u64), refused: bool) {
    let fact = ScanFinished {
        build: String::new(),
        project: project.parse().unwrap(),
        commit: "c".to_owned(),
        definition_digest: Digest::of(b"FROM a"),
        refused,
        findings: vec![],
        catalog_revision: catalog,
        policy_revision: policies,
        became_refused: false,
    };
    let subject = fact.subject();
    known.hear(&Record::new(
        StreamName::Builds,
        subject,
        sequence,
        OffsetDateTime::UNIX_EPOCH,
        fact.encode(),
    ));
}

#[track_caller]
fn check(known: &Known, projects: &[&str], expected: Option<(&str, u64)>) -> Option<Due> {
    let due = known.due(names(projects).iter(), NOW);
    assert_eq!(due.as_ref().map(|due| (due.project.as_str(), due.after)), expected);
    due
}

#[test]
fn what_was_scanned_under_older_rules_is_due_and_nothing_else_is() {
    for (scanned, is_due) in
        [((9, 5), true), ((10, 4), true), ((0, 0), true), ((10, 5), false), ((11, 5), false), ((9, 6), false)]
    {
        let mut known = Known::default();
        hear(&mut known, 7, "a", scanned, false);
        check(&known, &["a"], is_due.then_some(("a", 7)));
    }
    assert_eq!(Known::default().due(names(&["a"]).iter(), Rulebook::default()), None);
}

#[test]
fn a_project_is_left_alone_until_its_next_fact_is_heard() {
    let mut known = Known::default();
    hear(&mut known, 1, "a", (1, 1), false);
    hear(&mut known, 2, "b", (1, 1), false);
    let due = check(&known, &["a", "b"], Some(("a", 1))).unwrap();
    known.placed(&due);
    check(&known, &["a", "b"], Some(("b", 2)));
    // Another's scan, under rules that are old by now.
    hear(&mut known, 3, "a", (9, 5), false);
    check(&known, &["a"], Some(("a", 3)));
    hear(&mut known, 4, "a", (10, 5), false);
    check(&known, &["a"], None);
}

#[test]
fn a_project_without_a_definition_is_asked_about_once_under_each_rulebook() {
    let mut known = Known::default();
    let due = check(&known, &["new"], Some(("new", 0))).unwrap();
    known.nothing_to_scan(&due);
    check(&known, &["new"], None);
    assert!(known.due(names(&["new"]).iter(), Rulebook { policies: 6, ..NOW }).is_some());
    // It was built meanwhile, under older rules.
    hear(&mut known, 1, "new", (9, 5), false);
    check(&known, &["new"], Some(("new", 1)));
}

#[test]
fn only_the_same_definition_was_refused_before() {
    let mut known = Known::default();
    hear(&mut known, 1, "a", (1, 1), true);
    let due = check(&known, &["a"], Some(("a", 1))).unwrap();
    assert!(due.was_refused(&Digest::of(b"FROM a")) && !due.was_refused(&Digest::of(b"FROM b")));
}

#[test]
fn what_another_claimed_is_left_to_it() {
    let mut known = Known::default();
    hear(&mut known, 1, "a", (1, 1), false);
    let due = check(&known, &["a"], Some(("a", 1))).unwrap();
    assert!(!due.is_abandoned);
    known.claimed(&due);
    check(&known, &["a"], None);
    hear(&mut known, 2, "a", (10, 5), false);
    check(&known, &["a"], None);
}

#[test]
fn what_nothing_came_of_is_taken_over() {
    for (why, expected) in [(Why::Claimed, ("a", 1)), (Why::Placed, ("a", 0))] {
        let mut known = Known::default();
        hear(&mut known, 1, "a", (1, 1), false);
        known.waiting.insert("a".parse().unwrap(), (Instant::now(), why));
        let due = check(&known, &["a"], Some(expected)).unwrap();
        assert_eq!(due.is_abandoned, why == Why::Claimed);
    }
}

#[test]
fn a_definition_that_cannot_be_scanned_delays_itself_alone() {
    let mut known = Known::default();
    hear(&mut known, 1, "bad", (1, 1), false);
    hear(&mut known, 2, "good", (1, 1), false);
    let both = ["bad", "good"];
    let bad = check(&known, &both, Some(("bad", 1))).unwrap();
    known.begun(&bad);
    // Also while it is being scanned.
    check(&known, &both, Some(("good", 2)));
    known.failed(&bad);
    check(&known, &both, Some(("good", 2)));
    known.interrupted(&bad);
    check(&known, &both, Some(("good", 2)));
}

/// What remains of the rest that the project was given.
fn rest(known: &Known) -> Duration {
    let (until, _) = known.waiting.values().next().unwrap();
    *until - Instant::now()
}

#[test]
fn it_is_tried_ever_more_slowly_and_then_for_the_last_time() {
    let mut known = Known::default();
    hear(&mut known, 1, "bad", (1, 1), false);
    let mut slowest = Duration::ZERO;
    for tried in 1..=TRIES {
        let due = check(&known, &["bad"], Some(("bad", 1))).unwrap();
        assert_eq!(due.is_last_try, tried == TRIES, "{tried}");
        // The broker's own troubles do not count.
        known.interrupted(&due);
        known.failed(&due);
        assert!(rest(&known) > slowest);
        slowest = rest(&known);
        known.waiting.clear();
    }
    // Other rules, and another definition, are another matter.
    let other = known.due(names(&["bad"]).iter(), Rulebook { policies: 6, ..NOW }).unwrap();
    assert!(!other.is_last_try);
    hear(&mut known, 2, "bad", (1, 1), false);
    assert!(!check(&known, &["bad"], Some(("bad", 2))).unwrap().is_last_try);
}

#[test]
fn what_is_late_rests_longer_each_time_and_its_team_is_not_told_for_that() {
    let mut known = Known::default();
    hear(&mut known, 1, "slow", (1, 1), false);
    for _ in 0..TRIES * 2 {
        let due = check(&known, &["slow"], Some(("slow", 1))).unwrap();
        assert!(!due.is_last_try);
        known.late(&due);
        known.waiting.clear();
    }
    // What is wrong with it besides still counts.
    let due = check(&known, &["slow"], Some(("slow", 1))).unwrap();
    known.failed(&due);
    known.waiting.clear();
    assert!(check(&known, &["slow"], Some(("slow", 1))).unwrap().is_last_try);
}

/// The next fact of a project may be heard before its scan here has ended: then there is nothing to wait for.
#[test]
fn what_was_heard_meanwhile_is_not_waited_for() {
    for end in [Known::placed, Known::claimed, Known::failed, Known::interrupted] {
        let mut known = Known::default();
        hear(&mut known, 1, "a", (1, 1), false);
        let due = check(&known, &["a"], Some(("a", 1))).unwrap();
        known.begun(&due);
        hear(&mut known, 2, "a", (9, 5), false);
        check(&known, &["a"], None);
        end(&mut known, &due);
        let due = check(&known, &["a"], Some(("a", 2))).unwrap();
        assert!(!due.is_abandoned);
    }
}
