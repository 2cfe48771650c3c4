//! What is turned down when it is ordered.

use crate::{
    Order, Outcome,
    order::{Downgrades, Hold, Project, Replacement},
    snapshot::tests::{ban, record},
};

use super::*;

fn base(current: &str) -> Base {
    Base::new("r.io/base/os".parse().unwrap(), current.parse().unwrap())
}

fn rule(name: &str, from: &str, to: &str) -> Replacement {
    let pattern = match from.strip_prefix("re:") {
        Some(regex) => ImagePattern::regex(regex),
        None if from.contains(['*', '?']) => ImagePattern::wildcard(from),
        None => Ok(ImagePattern::Exact(from.parse().unwrap())),
    };
    Replacement::new(name.parse().unwrap(), pattern.unwrap(), to, Downgrades::Refused).unwrap()
}

/// The rules, under a catalog with os 10.4.9, os ^10.5 and the project image team/web; os 10.6.0 is banned.
#[track_caller]
fn check(rules: &[(&str, &str)], expected: Result<(), &str>) {
    let mut snapshot = Snapshot::default();
    let bases = vec![Base { allowed: vec!["^10.5".parse().unwrap()], ..base("10.4.9") }];
    let project = Project {
        name: "web".parse().unwrap(),
        source: "git://host/web".to_owned(),
        branch: "main".to_owned(),
        definition: "Dockerfile".to_owned(),
        image: "r.io/team/web:1".parse().unwrap(),
        policy: None,
        webhook: None,
    };
    snapshot.apply(&record(1, Order::Catalog(CatalogSection::Bases(bases))));
    snapshot.apply(&record(2, Order::Project(project)));
    snapshot.apply(&record(3, Order::Ban(ban("r.io/base/os:10.6.0"))));
    let rules =
        rules.iter().enumerate().map(|(number, (from, to))| rule(&format!("r{number}"), from, to)).collect();
    let outcome = snapshot.apply(&record(4, Order::Catalog(CatalogSection::Replacements(rules))));
    match (outcome, expected) {
        (Outcome::Accepted, Ok(())) => assert!(!snapshot.replacements().is_empty()),
        (Outcome::Rejected(Rejection::Catalog(fault)), Err(kind)) => {
            assert_eq!(
                format!("{fault:?}").split('(').next().unwrap().split(' ').next().unwrap(),
                kind,
                "{fault}"
            );
            assert!(snapshot.replacements().is_empty());
        }
        (outcome, _) => panic!("{outcome:?}"),
    }
}

#[test]
fn rules_that_contradict_themselves_are_turned_down() {
    check(&[("alpine:3", "r.io/base/os:10.4.9"), ("docker.io/library/x:*", "r.io/base/os:10.5.0")], Ok(()));
    check(&[("docker.io/library/alpine:*", "r.io/team/web:1")], Ok(()));
    check(&[("a:1", "b:1"), ("b:1", "a:1")], Err("Loop"));
    check(
        &[("a:1", "b:1"), ("docker.io/library/b:*", "c:1"), ("re:docker.io/library/c:.*", "a:1")],
        Err("Loop"),
    );
    check(&[("a:1", "a:1")], Err("Loop"));
    check(&[("a:1", "r.io/base/os:10.4.9"), ("a:1", "r.io/base/os:10.5.0")], Err("Conflict"));
    check(&[("a:1", "r.io/base/os:10.4.9"), ("a:1", "r.io/base/os:10.4.9")], Ok(()));
    check(
        &[("docker.io/library/a:*", "r.io/base/os:10.4.9"), ("a:1", "r.io/base/os:10.5.0")],
        Err("Conflict"),
    );
    check(
        &[("docker.io/x/*:1", "r.io/base/os:10.4.9"), ("docker.io/*/a:1", "r.io/base/os:10.5.0")],
        Err("Conflict"),
    );
    check(
        &[("re:docker.io/library/a:.*", "r.io/base/os:10.4.9"), ("a:1", "r.io/base/os:10.5.0")],
        Err("Conflict"),
    );
}

#[test]
fn rules_whose_end_depends_on_the_image_are_followed_too() {
    check(&[("docker.io/library/os:*", "r.io/base/os:${1}")], Ok(()));
    check(&[("docker.io/*/os:*", "r.io/base/os:${2}"), ("quay.io/os:*", "r.io/base/os:${1}")], Ok(()));
    check(&[("re:docker.io/library/(.*):(.*)", "r.io/base/${1}:${2}")], Ok(()));
    check(&[("docker.io/team/*:*", "r.io/team/${1}:${2}")], Ok(()));
    // What is left out of a reference is no difference.
    check(&[("quay.io/alpine:*", "alpine:${1}")], Err("LeadsNowhere"));
    check(
        &[
            ("a.io/*:*", "r.io/base/os:${2}"),
            ("quay.io/*:*", "library/${1}:${2}"),
            ("docker.io/library/x:*", "quay.io/x:${1}"),
        ],
        Err("Loop"),
    );
    // A mirror that means itself too changes nothing there.
    check(&[("*/base/os:*", "r.io/base/os:${2}")], Ok(()));
    check(&[("a.io/*:*", "r.io/${1}:${2}"), ("r.io/*:*", "a.io/${1}:${2}")], Err("Loop"));
    check(&[("a.io/*:*", "r.io/base/${1}:${2}"), ("r.io/base/x:*", "a.io/x:${1}")], Err("Loop"));
    check(&[("re:a.io/(.*):(.*)", "r.io/base/${1}:${2}"), ("r.io/base/x:*", "a.io/x:${1}")], Err("Loop"));
    check(&[("r.io/base/*:*", "r.io/base/${1}-slim:${2}")], Err("Loop"));
    check(&[("docker.io/library/os:*", "r.io/other/os:${1}")], Err("LeadsNowhere"));
    check(&[("docker.io/library/*:*", "q.io/base/${1}:${2}")], Err("LeadsNowhere"));
}

#[test]
fn rules_lead_to_what_is_allowed_and_not_banned() {
    check(&[("a:1", "r.io/base/os:10.3.0")], Err("LeadsOutside"));
    check(&[("a:1", "r.io/other:1")], Err("LeadsOutside"));
    check(&[("a:1", "r.io/base/os:10.6.0")], Err("LeadsToBanned"));
    check(&[("r.io/base/os:10.4.9", "r.io/base/os:10.5.0")], Err("ReplacesAllowed"));
    check(
        &[("a:1", "r.io/base/os:10.7.0"), ("r.io/base/os:10.7.0", "r.io/base/os:10.5.0")],
        Err("ReplacesAllowed"),
    );
    let many: Vec<(String, &str)> = (0..65).map(|n| (format!("a:{n}"), "r.io/base/os:10.4.9")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(from, to)| (from.as_str(), *to)).collect();
    check(&many, Err("TooManyRules"));
}

#[test]
fn bases_are_turned_down_that_contradict_themselves_or_a_rule() {
    let bases = |bases: Vec<Base>| Order::Catalog(CatalogSection::Bases(bases));
    let mut snapshot = Snapshot::default();
    let rejected = |outcome| matches!(outcome, Outcome::Rejected(Rejection::Catalog(_)));
    assert!(rejected(snapshot.apply(&record(1, bases(vec![base("1"), base("2")])))));
    let outdated = Base { outdated: vec!["10.4.9".parse().unwrap()], ..base("10.4.9") };
    assert!(rejected(snapshot.apply(&record(2, bases(vec![outdated])))));
    assert_eq!(snapshot.apply(&record(3, bases(vec![base("10.4.9")]))), Outcome::Accepted);
    let rules = vec![rule("r", "a:1", "r.io/base/os:10.4.9")];
    let rules = Order::Catalog(CatalogSection::Replacements(rules));
    assert_eq!(snapshot.apply(&record(4, rules)), Outcome::Accepted);
    assert!(rejected(snapshot.apply(&record(5, bases(vec![base("10.5.0")])))));
    assert_eq!(snapshot.base(&"r.io/base/os".parse().unwrap()).unwrap().current.as_str(), "10.4.9");
    // A ban is the moment for a new catalog, not a reason to turn it down.
    snapshot.apply(&record(6, Order::Ban(ban("r.io/base/os:10.4.9"))));
    let next = Base { allowed: vec!["10.4.9".parse().unwrap()], ..base("10.5.0") };
    assert_eq!(snapshot.apply(&record(7, bases(vec![next]))), Outcome::Accepted);
}

#[test]
fn a_new_hold_ends_in_time_to_come_and_an_old_one_may_have_ended() {
    let hold = |ticket: &str, expires| Hold {
        project: "shop".parse().unwrap(),
        image: "r.io/base/os:10.4.7".parse().unwrap(),
        reason: "a driver".to_owned(),
        ticket: ticket.to_owned(),
        expires: OffsetDateTime::from_unix_timestamp(expires).unwrap(),
    };
    let mut snapshot = Snapshot::default();
    let mut apply = |sequence, at, holds| {
        let mut record = record(sequence, Order::Catalog(CatalogSection::Holds(holds)));
        record.at = OffsetDateTime::from_unix_timestamp(at).unwrap();
        snapshot.apply(&record)
    };
    let ended = |outcome| matches!(outcome, Outcome::Rejected(Rejection::Catalog(fault)) if matches!(*fault, CatalogFault::Ended { .. }));
    assert!(ended(apply(1, 10, vec![hold("OPS-1", 10)])));
    assert_eq!(apply(2, 10, vec![hold("OPS-1", 11)]), Outcome::Accepted);
    assert_eq!(apply(3, 20, vec![hold("OPS-1", 11), hold("OPS-2", 21)]), Outcome::Accepted);
    assert!(ended(apply(4, 20, vec![hold("OPS-3", 20)])));
}
