//! Which policy holds is a question of the orders' sequence, whoever answers them when.

use proptest::{prelude::*, sample};

use crate::{
    Outcome, Snapshot,
    order::{Order, Sequence},
    resolution::Resolution,
    snapshot::{
        policy::Absence,
        tests::{policy, record},
    },
};

fn held(snapshot: &Snapshot) -> Option<(String, u64)> {
    let held = snapshot.policy(&"p".parse().unwrap());
    held.map(|held| (held.policy.deny[0].clone(), held.revision.0))
}

fn read(orders: &[Order], answers: &[Resolution], next: &[bool]) -> Snapshot {
    let (mut orders, mut answers) = ((1..).zip(orders), (1..).zip(answers));
    let mut snapshot = Snapshot::default();
    let rest = [true; 16].into_iter().chain([false; 16]);
    for orders_next in next.iter().copied().chain(rest) {
        let before = snapshot.rulebook();
        if orders_next {
            orders.next().map(|(sequence, order)| snapshot.apply(&record(sequence, order.clone())));
        } else if let Some((sequence, answer)) = answers.next() {
            snapshot.resolve(sequence, answer.clone());
        }
        assert!(snapshot.rulebook() >= before, "the rulebook went back");
    }
    snapshot
}

proptest! {
    #[test]
    fn the_order_of_acceptances_and_of_reading_does_not_matter(
        texts in proptest::collection::vec(sample::select(vec!["A", "B"]), 1..6),
        said in proptest::collection::vec(sample::select(vec!["yes", "no", "nothing"]), 6),
        shuffled in Just((0..6usize).collect::<Vec<_>>()).prop_shuffle(),
        next in proptest::collection::vec(any::<bool>(), 12),
    ) {
        let orders: Vec<Order> = texts.iter().map(|text| policy("p", text)).collect();
        let answer = |at: &usize| match (orders.get(*at)?, said[*at]) {
            (_, "yes") => Some(Resolution::Accepted(Sequence(*at as u64 + 1))),
            (_, "no") => Some(Resolution::Rejected(Sequence(*at as u64 + 1), "no".to_owned())),
            _ => None,
        };
        let answers: Vec<Resolution> = shuffled.iter().filter_map(answer).collect();
        let snapshot = read(&orders, &answers, &next);
        prop_assert_eq!(&snapshot, &read(&orders, &answers, &[]));
        // The last that was accepted, as the first of those in a row that say the same has it.
        let mut accepted = texts.iter().zip(1u64..).filter(|(_, sequence)| said[*sequence as usize - 1] == "yes");
        let first = accepted.next();
        let expected = accepted.fold(first, |run, this| if run.map(|run| run.0) == Some(this.0) { run } else { Some(this) });
        prop_assert_eq!(held(&snapshot), expected.map(|(text, sequence)| ((*text).to_owned(), sequence)));
    }
}

#[test]
fn an_order_is_unchanged_where_it_says_what_was_ordered_last() {
    let mut snapshot = Snapshot::default();
    let mut order = |sequence, text| snapshot.apply(&record(sequence, policy("p", text)));
    assert_eq!(order(1, "A"), Outcome::Accepted);
    assert_eq!(order(2, "A"), Outcome::Unchanged);
    assert_eq!(order(3, "B"), Outcome::Accepted);
    assert_eq!(order(4, "A"), Outcome::Accepted, "B would win");
    [1, 2, 4].iter().for_each(|order| snapshot.resolve(*order, Resolution::Accepted(Sequence(*order))));
    assert_eq!(held(&snapshot), Some(("A".to_owned(), 1)));
    assert_eq!(snapshot.apply(&record(5, policy("p", "A"))), Outcome::Unchanged);
}

#[test]
fn what_does_not_hold_says_why() {
    let (mut snapshot, name) = (Snapshot::default(), "p".parse().unwrap());
    assert_eq!(snapshot.absence(&name), Some(Absence::Unknown));
    snapshot.apply(&record(1, policy("p", "A")));
    assert_eq!(snapshot.absence(&name), Some(Absence::Awaited(Sequence(1))));
    snapshot.resolve(1, Resolution::Rejected(Sequence(1), "x.rego:1:1".to_owned()));
    assert_eq!(snapshot.absence(&name), Some(Absence::Rejected(Sequence(1), "x.rego:1:1".to_owned())));
    snapshot.apply(&record(2, policy("p", "B")));
    snapshot.resolve(2, Resolution::Accepted(Sequence(2)));
    assert_eq!(snapshot.absence(&name), None);
}
