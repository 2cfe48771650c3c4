//! Histories that are as they should be, and for each claim one that is not.

use super::*;
use crate::chaos::{
    history::{Head, Look, Published},
    schedule::Answer,
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn look(at: u64, down: &[Role]) -> Look {
    let up = Role::ALL.into_iter().filter(|role| !down.contains(role));
    Look { at: seconds(at), answered: up.map(|role| (role, "first".to_owned())).collect() }
}

fn injected(fault: Fault, from: u64, to: u64) -> Injected {
    Injected { fault, from: seconds(from), to: seconds(to), ended: None }
}

fn order(meaning: Meaning, sequence: u64, at: u64) -> Order {
    Order {
        meaning,
        sent: seconds(at),
        acknowledged: Some((sequence, seconds(at))),
        stored: Some(seconds(at)),
        answered: Some(seconds(at) + Duration::from_millis(50)),
        rejected: false,
    }
}

fn ban(sequence: u64, at: u64) -> Order {
    order(Meaning::Ban("os:1".to_owned()), sequence, at)
}

fn lift(sequence: u64, at: u64) -> Order {
    order(Meaning::Lift("os:1".to_owned()), sequence, at)
}

fn check_of(at: u64, decision: &str) -> Check {
    Check { image: "app:1".to_owned(), from: seconds(at), to: seconds(at), decision: decision.to_owned() }
}

/// A run in which a ban was given at 100 s and lifted at 200 s, and everything held.
fn good() -> History {
    History {
        max_age: seconds(10),
        injected: vec![
            injected(Fault::Signal(Part::Role(Role::Planner), Signal::Stop), 20, 30),
            injected(Fault::Registry(Answer::Silence), 40, 60),
        ],
        looks: vec![look(10, &[]), look(25, &[Role::Planner]), look(31, &[]), look(61, &[]), look(300, &[])],
        orders: vec![ban(1, 100), lift(2, 200)],
        checks: vec![
            check_of(50, "allow"),
            check_of(105, "allow"),
            check_of(150, "refuse"),
            check_of(250, "allow"),
        ],
        published: vec![
            Published {
                project: "shop".to_owned(),
                commit: "c1".to_owned(),
                ban: 0,
                digest: "d1".to_owned(),
            },
            Published {
                project: "shop".to_owned(),
                commit: "c1".to_owned(),
                ban: 1,
                digest: "d2".to_owned(),
            },
        ],
        heads: vec![Head {
            project: "shop".to_owned(),
            pushed: "c1".to_owned(),
            built: Some("c1".to_owned()),
        }],
        covers: BTreeMap::from([("os:1".to_owned(), BTreeSet::from(["app:1".to_owned()]))]),
    }
}

#[track_caller]
fn check(spoil: impl FnOnce(&mut History), expected: &[Oracle]) {
    let mut history = good();
    spoil(&mut history);
    let found = violations(&history);
    let oracles: Vec<Oracle> = found.iter().map(|violation| violation.oracle).collect();
    assert_eq!(oracles, expected, "{found:#?}");
}

#[test]
fn a_good_history_violates_nothing() {
    check(|_| {}, &[]);
}

#[test]
fn a_role_that_stays_away_or_comes_late_is_seen() {
    let planner = [Role::Planner];
    check(|history| history.looks = vec![look(10, &[]), look(300, &planner)], &[Oracle::Recovery; 2]);
    check(
        |history| {
            history.injected.truncate(1);
            history.looks = vec![look(31, &planner), look(61, &planner), look(62, &[])];
        },
        &[Oracle::Recovery],
    );
    // The looks end too early to tell.
    check(|history| history.looks = vec![look(31, &planner), look(61, &planner)], &[]);
    // No look at all proves nothing good: the run itself sees to it that there are some.
    check(|history| history.looks.retain(|look| look.at < seconds(26)), &[]);
}

#[test]
fn a_broker_is_back_when_it_takes_orders() {
    let full = |answered: Option<u64>| {
        let mut history = good();
        history.injected = vec![injected(Fault::Disk, 210, 220)];
        history.orders.push(Order { answered: answered.map(seconds), ..ban(3, 221) });
        history.looks.push(look(221, &[]));
        history.looks.sort_by_key(|look| look.at);
        recoveries(&history)[0].after
    };
    assert_eq!(full(Some(235)), Some(seconds(15)));
    assert_eq!(full(None), None);
    check(
        |history| {
            history.injected.push(injected(Fault::Disk, 210, 220));
            history.looks.insert(4, look(221, &[]));
            history.orders.push(Order { answered: Some(seconds(260)), ..order(Meaning::Other, 3, 221) });
        },
        &[Oracle::Recovery],
    );
}

#[test]
fn what_fails_meanwhile_is_not_counted() {
    let late = |history: &mut History| history.looks = vec![look(31, &[Role::Planner]), look(62, &[])];
    check(late, &[]);
    check(
        |history| {
            late(history);
            history.injected[1] = injected(Fault::GitHost, 33, 33);
        },
        &[Oracle::Recovery],
    );
}

#[test]
fn a_process_that_was_ended_is_back_as_another_one() {
    let terminated = |history: &mut History, instance: &str| {
        history.injected[0] = Injected {
            ended: Some(instance.to_owned()),
            ..injected(Fault::Signal(Part::Role(Role::Planner), Signal::Term), 20, 20)
        };
        history.injected.truncate(1);
    };
    check(|history| terminated(history, "before"), &[]);
    check(|history| terminated(history, "first"), &[Oracle::Recovery]);
}

#[test]
fn an_image_that_passes_under_a_known_ban_is_seen() {
    for decision in ["allow", "warn"] {
        check(|history| history.checks.push(check_of(113, decision)), &[Oracle::Enforcement]);
        check(|history| history.checks.push(check_of(199, decision)), &[Oracle::Enforcement]);
        check(|history| history.checks.push(check_of(111, decision)), &[]);
    }
    let another = Check { image: "other:1".to_owned(), ..check_of(150, "allow") };
    check(|history| history.checks.push(another), &[]);
    // A second ban after the lift.
    check(
        |history| {
            history.orders.push(ban(3, 210));
            history.checks.push(check_of(251, "allow"));
        },
        &[Oracle::Enforcement; 2],
    );
    // An order that changes nothing, or that may not be stored, demands nothing.
    check(
        |history| {
            history.orders[0].rejected = true;
            history.checks.push(check_of(150, "allow"));
        },
        &[],
    );
    check(
        |history| {
            history.orders[0] = Order { acknowledged: None, stored: None, answered: None, ..ban(0, 100) };
            history.checks.push(check_of(150, "allow"));
        },
        &[],
    );
    check(
        |history| {
            history.orders.push(Order { acknowledged: None, stored: None, answered: None, ..lift(0, 140) });
            history.checks.push(check_of(150, "allow"));
        },
        &[],
    );
}

#[test]
fn a_build_that_is_missing_or_doubled_is_seen() {
    check(|history| history.heads[0].built = None, &[Oracle::Builds]);
    check(|history| history.heads[0].built = Some("c0".to_owned()), &[Oracle::Builds]);
    check(|history| history.published.push(history.published[0].clone()), &[Oracle::Once]);
    check(
        |history| {
            let again = Published { digest: "d3".to_owned(), ..history.published[1].clone() };
            history.published.push(again);
        },
        &[Oracle::Once],
    );
}

#[test]
fn an_order_that_is_slow_or_lost_is_seen() {
    check(|history| history.orders[1].answered = Some(seconds(202)), &[Oracle::Acceptance]);
    check(|history| history.orders[1].answered = None, &[Oracle::Durability]);
    check(
        |history| {
            history.orders[1].stored = None;
            history.orders[1].answered = None;
        },
        &[Oracle::Durability],
    );
}

#[test]
fn orders_are_timed_while_nothing_on_their_way_fails() {
    let mut history = good();
    history.orders = (0..200).map(|number| ban(number, 100 + number)).collect();
    history.orders[50].answered = Some(seconds(160));
    assert_eq!(latency(&history, true).p99, Duration::from_millis(50));
    history.orders[60].answered = Some(seconds(170));
    history.orders[70].answered = Some(seconds(180));
    let Latency { p99, worst, count, .. } = latency(&history, true);
    assert_eq!((p99, worst, count), (seconds(10), seconds(10), 200));
    history.looks.push(look(175, &[]));
    history.looks.sort_by_key(|look| look.at);
    history.injected.push(injected(Fault::Signal(Part::Role(Role::Invalidator), Signal::Stop), 145, 172));
    assert_eq!(latency(&history, true).worst, Duration::from_millis(50));
    assert_eq!(latency(&history, false).worst, seconds(10));
    history.injected.push(injected(Fault::Disk, 145, 172));
    assert_eq!(latency(&history, false).worst, Duration::from_millis(50));
}
