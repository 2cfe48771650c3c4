//! Orders that an earlier version accepted and today's checks would not: what was accepted then stands, in whatever order the streams are read.

use crate::{
    Outcome, Rejection, Snapshot,
    order::{Ban, Base, CatalogSection, Name, Order, Sequence},
    resolution::Resolution,
    snapshot::tests::{ban, lift, project, record},
};

fn name(name: &str) -> Name {
    name.parse().unwrap()
}

/// Reads both streams, `next` saying which is read next.
fn read(orders: &[Order], resolutions: &[Resolution], next: &[bool]) -> Snapshot {
    let mut orders = (1..).zip(orders);
    let mut resolutions = (1..).zip(resolutions);
    let mut snapshot = Snapshot::default();
    let mut step = |orders_next: bool| {
        let order = if orders_next { orders.next() } else { None };
        let resolution = if orders_next { None } else { resolutions.next() };
        if let Some((sequence, order)) = order {
            snapshot.apply(&record(sequence, order.clone()));
        }
        if let Some((sequence, resolution)) = resolution {
            snapshot.resolve(sequence, resolution.clone());
        }
    };
    next.iter().for_each(|next| step(*next));
    (0..64).for_each(|_| step(true));
    (0..64).for_each(|_| step(false));
    snapshot
}

fn accepted(orders: &[Order]) -> Vec<Resolution> {
    (1..).zip(orders).map(|(sequence, _)| Resolution::Accepted(Sequence(sequence))).collect()
}

/// The snapshot that every reader has in the end.
#[track_caller]
fn check(orders: &[Order], resolutions: &[Resolution]) -> Snapshot {
    let last = read(orders, resolutions, &[]);
    for pattern in 0u32..1 << (orders.len() + resolutions.len()).min(12) {
        let next: Vec<bool> = (0..12).map(|bit| pattern >> bit & 1 == 1).collect();
        let other = read(orders, resolutions, &next);
        assert_eq!(other, last, "{next:?}");
        assert_eq!(other.behind(), last.behind());
    }
    last
}

#[test]
fn what_an_earlier_version_accepted_stands() {
    let orders = [
        project("a", "r.io/a:1", Some("strict")),
        project("b", "r.io/a:1", None),
        Order::Ban(Ban { replacement: Some("r.io/os:1".parse().unwrap()), ..ban("r.io/os:1") }),
        Order::Ban(Ban { remedy: Some(name("patch")), ..ban("r.io/os:2") }),
        lift(77),
    ];
    let snapshot = check(&orders, &accepted(&orders));
    assert!(!snapshot.behind());
    assert_eq!(snapshot.rejected().count(), 0);
    assert_eq!(snapshot.projects().count(), 2);
    assert_eq!(snapshot.bans().count(), 2);
}

#[test]
fn what_stands_is_what_later_orders_are_checked_against() {
    // The second is accepted by today's checks only where the first is not.
    let orders = [project("a", "r.io/a:1", Some("strict")), project("b", "r.io/a:1", None)];
    let first = [Resolution::Accepted(Sequence(1))];
    let snapshot = check(&orders, &first);
    assert!(!snapshot.behind());
    assert!(snapshot.project(&name("a")).is_some() && snapshot.project(&name("b")).is_none());
    let none = check(&orders, &[]);
    assert!(none.project(&name("a")).is_none() && none.project(&name("b")).is_some());
    let no = Resolution::Rejected(Sequence(1), "no such policy".to_owned());
    assert_eq!(check(&orders, &[no]).projects().count(), 1);
}

#[test]
fn long_reasons_are_turned_down_unless_they_were_accepted() {
    let orders = [Order::Ban(Ban { reason: "x".repeat(900_000), ..ban("r.io/os:1") })];
    let new = check(&orders, &[]);
    assert!(matches!(new.rejected().next(), Some((_, Rejection::TooLong(_)))));
    let old = check(&orders, &accepted(&orders));
    assert!(!old.behind());
    assert_eq!((old.bans().count(), old.rejected().count()), (1, 0));
}

#[test]
fn a_catalog_that_was_accepted_stands() {
    let base = Base::new("r.io/os".parse().unwrap(), "1".parse().unwrap());
    let base = Base { outdated: vec!["1".parse().unwrap()], ..base };
    let orders = [Order::Catalog(CatalogSection::Bases(vec![base]))];
    let snapshot = check(&orders, &accepted(&orders));
    assert!(!snapshot.behind());
    assert_eq!(snapshot.bases().count(), 1);
}

#[test]
fn what_cannot_be_read_is_no_dispute() {
    let mut snapshot = Snapshot::default();
    snapshot.apply(&record(1, project("a", "r.io/a:1", Some("strict"))));
    let unread = snapshot.apply_malformed(Sequence(2), "unknown field".to_owned());
    assert!(matches!(unread, Outcome::Rejected(Rejection::Malformed(_))));
    snapshot.resolve(1, Resolution::Accepted(Sequence(1)));
    assert!(!snapshot.behind());
    snapshot.resolve(2, Resolution::Accepted(Sequence(2)));
    assert!(snapshot.behind());
    assert_eq!(snapshot.as_of().orders, 2);
}
