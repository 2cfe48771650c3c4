//! The fold: idempotent, deterministic, indifferent to how the two streams interleave.

use artifact::{BaseRole, ChainId, Digest};
use time::OffsetDateTime;

use super::*;
use crate::{
    order::{
        Ban, BanSelector, BanTarget, CatalogSection, Lift, Order, OrderRecord, Policy, Severity, Silencing,
    },
    resolution::{BanResolution, Resolution},
};

pub(crate) fn ban(image: &str) -> Ban {
    let image: ImageRef = image.parse().unwrap();
    Ban {
        target: BanTarget::Tag(image.repository().clone(), image.tag().unwrap().clone()),
        reason: "CVE".to_owned(),
        severity: Severity::High,
        roles: [BaseRole::Base, BaseRole::Copy].into(),
        replacement: None,
        remedy: None,
        expires: None,
    }
}

pub(crate) fn record(sequence: u64, order: Order) -> OrderRecord {
    OrderRecord {
        sequence: Sequence(sequence),
        operator: "alice".parse().unwrap(),
        at: OffsetDateTime::UNIX_EPOCH,
        order,
    }
}

pub(crate) fn indexed(image: &str, content: &[u8]) -> Resolution {
    let chain: ChainId = Digest::of(content).into();
    Resolution::Indexed(IndexedBase {
        reference: image.parse().unwrap(),
        digests: [Digest::of(&[content, b"manifest"].concat())].into(),
        chains: [chain].into(),
    })
}

pub(crate) fn lift(sequence: u64) -> Order {
    Order::Lift(Lift { bans: BanSelector::Sequence(Sequence(sequence)), reason: "fixed".to_owned() })
}

#[test]
fn banning_what_is_banned_changes_nothing_and_banning_after_a_lift_is_new() {
    let mut snapshot = Snapshot::default();
    assert_eq!(snapshot.apply(&record(1, Order::Ban(ban("r.io/os:1")))), Outcome::Accepted);
    assert_eq!(snapshot.apply(&record(2, Order::Ban(ban("r.io/os:1")))), Outcome::Unchanged);
    assert_eq!(snapshot.apply(&record(3, lift(1))), Outcome::Accepted);
    assert_eq!(snapshot.bans().count(), 0);
    assert_eq!(snapshot.apply(&record(4, Order::Ban(ban("r.io/os:1")))), Outcome::Accepted);
    assert_eq!(snapshot.bans().next().unwrap().record.sequence, Sequence(4));
}

#[test]
fn a_message_delivered_again_is_not_folded_again() {
    let mut snapshot = Snapshot::default();
    snapshot.apply(&record(1, Order::Ban(ban("r.io/os:1"))));
    snapshot.apply(&record(2, lift(1)));
    assert_eq!(snapshot.apply(&record(1, Order::Ban(ban("r.io/os:1")))), Outcome::Repeated);
    assert_eq!(snapshot.bans().count(), 0);
}

#[test]
fn the_two_streams_may_interleave_in_any_way() {
    let orders = [
        record(1, Order::Ban(ban("r.io/os:1"))),
        record(2, Order::Ban(ban("r.io/os:2"))),
        record(3, lift(2)),
    ];
    let resolutions =
        [indexed("r.io/os:1", b"one"), indexed("r.io/os:3", b"three"), Resolution::Accepted(Sequence(1))];
    let mut results = Vec::new();
    // Each pattern says which stream is read next: every merge of three and three.
    for pattern in 0u8..64 {
        if pattern.count_ones() != 3 {
            continue;
        }
        let (mut order, mut resolution) = (orders.iter(), resolutions.iter().zip(1..));
        let mut snapshot = Snapshot::default();
        for step in 0..6 {
            if pattern >> step & 1 == 1 {
                snapshot.apply(order.next().unwrap());
            } else {
                let (message, sequence) = resolution.next().unwrap();
                snapshot.resolve(sequence, message.clone());
            }
        }
        results.push(snapshot);
    }
    assert_eq!(results.len(), 20);
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn an_order_that_changes_nothing_says_why() {
    let mut snapshot = Snapshot::default();
    assert!(matches!(snapshot.apply(&record(1, lift(7))), Outcome::Rejected(Rejection::UnknownBan(_))));
    let unknown = Ban { remedy: Some("patch".parse().unwrap()), ..ban("r.io/os:1") };
    assert!(matches!(
        snapshot.apply(&record(2, Order::Ban(unknown))),
        Outcome::Rejected(Rejection::UnknownRemedy(_))
    ));
    let circular = Ban { replacement: Some("r.io/os:1".parse().unwrap()), ..ban("r.io/os:1") };
    assert!(matches!(
        snapshot.apply(&record(3, Order::Ban(circular))),
        Outcome::Rejected(Rejection::BannedReplacement(_))
    ));
    let past = Ban { expires: Some(OffsetDateTime::UNIX_EPOCH), ..ban("r.io/os:1") };
    assert!(matches!(snapshot.apply(&record(4, Order::Ban(past))), Outcome::Rejected(Rejection::Expired)));
    assert!(matches!(
        snapshot.apply_malformed(Sequence(5), "empty".to_owned()),
        Outcome::Rejected(Rejection::Malformed(_))
    ));
    assert_eq!(snapshot.bans().count(), 0);
    assert_eq!(snapshot.rejected().count(), 5);
    assert_eq!(snapshot.as_of().orders, 5);
}

#[test]
fn a_tag_ban_goes_on_covering_what_the_tag_pointed_at() {
    let mut snapshot = Snapshot::default();
    snapshot.resolve(1, indexed("r.io/os:1", b"old"));
    snapshot.apply(&record(1, Order::Ban(ban("r.io/os:1"))));
    let old = snapshot.coverage(snapshot.ban(Sequence(1)).unwrap());
    snapshot.resolve(
        2,
        Resolution::BanResolved(BanResolution {
            ban: Sequence(1),
            image: None,
            digests: old.digests.clone(),
            chains: old.chains.clone(),
            derived: [].into(),
            complete: true,
            withheld: false,
        }),
    );
    snapshot.resolve(3, indexed("r.io/os:1", b"new"));
    assert_eq!(snapshot.coverage(snapshot.ban(Sequence(1)).unwrap()).chains.len(), 2);
}

#[test]
fn a_fold_that_rejects_what_the_invalidator_accepted_knows_that_it_is_behind() {
    for accepted_first in [true, false] {
        let mut snapshot = Snapshot::default();
        if accepted_first {
            snapshot.resolve(1, Resolution::Accepted(Sequence(1)));
        }
        snapshot.apply_malformed(Sequence(1), "unknown field".to_owned());
        if !accepted_first {
            snapshot.resolve(1, Resolution::Accepted(Sequence(1)));
        }
        assert!(snapshot.behind());
    }
}

pub(crate) fn project(name: &str, image: &str, policy: Option<&str>) -> Order {
    Order::Project(Project {
        name: name.parse().unwrap(),
        source: "https://git.example/shop.git".to_owned(),
        branch: "main".to_owned(),
        definition: "Dockerfile".to_owned(),
        image: image.parse().unwrap(),
        policy: policy.map(|name| name.parse().unwrap()),
        webhook: None,
    })
}

#[test]
fn a_project_that_cannot_work_is_rejected() {
    let mut snapshot = Snapshot::default();
    assert_eq!(snapshot.apply(&record(1, project("a", "r.io/a:1", None))), Outcome::Accepted);
    assert!(matches!(
        snapshot.apply(&record(2, project("b", "r.io/b:1", Some("strict")))),
        Outcome::Rejected(Rejection::UnknownPolicy(_))
    ));
    assert!(matches!(
        snapshot.apply(&record(3, project("b", "r.io/a:1", None))),
        Outcome::Rejected(Rejection::TakenImage { .. })
    ));
    assert_eq!(snapshot.apply(&record(4, project("a", "r.io/a:1", None))), Outcome::Unchanged);
    assert_eq!(snapshot.apply(&record(5, project("b", "r.io/a:2", None))), Outcome::Accepted);
}

#[test]
fn a_resolution_of_a_ban_that_is_over_means_nothing() {
    let resolution = || {
        let chains = [ChainId::from(Digest::of(b"x"))].into();
        let empty = BanResolution {
            ban: Sequence(1),
            image: None,
            digests: Default::default(),
            chains,
            derived: Default::default(),
            complete: true,
            withheld: false,
        };
        Resolution::BanResolved(empty)
    };
    let orders = [record(1, Order::Ban(ban("r.io/os:1"))), record(2, lift(1))];
    let mut first = Snapshot::default();
    orders.iter().for_each(|order| drop(first.apply(order)));
    first.resolve(1, resolution());
    let mut last = Snapshot::default();
    last.resolve(1, resolution());
    orders.iter().for_each(|order| drop(last.apply(order)));
    assert_eq!(first, last);
}

pub(crate) fn policy(name: &str, deny: &str) -> Order {
    let (name, deny) = (name.parse().unwrap(), vec![deny.to_owned()]);
    let silencing = Silencing::Heard;
    Order::Policy(Policy {
        name,
        fail_on: None,
        deny,
        ignore: vec![],
        rego: None,
        projects: vec![],
        silencing,
    })
}

/// What is denied, by which revision, in every interleaving of the two streams, which must not matter.
#[track_caller]
fn check_policies(
    orders: &[OrderRecord],
    resolutions: &[Resolution],
    expected: Option<(&str, u64)>,
) -> Snapshot {
    let mut snapshots = Vec::new();
    for first in 0..=orders.len() {
        let mut snapshot = Snapshot::default();
        let (before, after) = orders.split_at(first);
        before.iter().for_each(|order| drop(snapshot.apply(order)));
        for (sequence, resolution) in (1..).zip(resolutions) {
            snapshot.resolve(sequence, resolution.clone());
        }
        after.iter().for_each(|order| drop(snapshot.apply(order)));
        snapshots.push(snapshot);
    }
    let last = snapshots.pop().unwrap();
    assert!(snapshots.iter().all(|snapshot| *snapshot == last));
    let held = last.policy(&"p".parse().unwrap());
    let found = held.map(|held| (held.policy.deny[0].as_str(), held.revision.0));
    assert_eq!(found, expected);
    last
}

#[test]
fn a_policy_holds_from_its_acceptance_on_and_the_latest_order_wins() {
    use Resolution::{Accepted, Rejected};
    let two = [record(1, policy("p", "A")), record(2, policy("p", "B"))];
    let no = |sequence| Rejected(Sequence(sequence), "b.rego:1:1: what is this".to_owned());
    check_policies(&two, &[], None);
    check_policies(&two, &[Accepted(Sequence(1))], Some(("A", 1)));
    let both = check_policies(&two, &[Accepted(Sequence(1)), Accepted(Sequence(2))], Some(("B", 2)));
    assert_eq!(both.rulebook(), Rulebook { catalog: 0, policies: 2 });
    let rejected = check_policies(&two, &[Accepted(Sequence(1)), no(2)], Some(("A", 1)));
    assert_eq!(rejected.rulebook().policies, 1);
    assert!(
        rejected.rejected().any(|(sequence, why)| sequence.0 == 2 && why.to_string().contains("b.rego:1"))
    );
    check_policies(&two, &[Accepted(Sequence(2)), no(1)], Some(("B", 2)));
}

#[test]
fn the_rulebook_moves_with_what_definitions_are_judged_by_and_with_nothing_else() {
    let mut snapshot = Snapshot::default();
    let doors = |mode| Order::Catalog(CatalogSection::Doors([(Door::From, mode)].into()));
    let mut catalog = |sequence, order| {
        assert!(!matches!(snapshot.apply(&record(sequence, order)), Outcome::Rejected(_)), "{sequence}");
        snapshot.rulebook().catalog
    };
    assert_eq!(catalog(1, doors(Mode::Enforce)), 1);
    assert_eq!(catalog(2, doors(Mode::Enforce)), 1, "said again");
    assert_eq!(catalog(3, Order::Catalog(CatalogSection::Remedies(vec![]))), 1);
    assert_eq!(catalog(4, Order::Ban(ban("r.io/os:1"))), 1);
    assert_eq!(catalog(5, project("a", "r.io/a:1", None)), 1, "it has no definition yet");
    assert_eq!(catalog(6, policy("p", "A")), 1, "it is not accepted yet");
    assert_eq!(catalog(7, project("a", "r.io/a:1", Some("p"))), 7);
    assert_eq!(catalog(8, doors(Mode::Observe)), 8);
    snapshot.resolve(1, Resolution::Accepted(Sequence(6)));
    assert_eq!(snapshot.rulebook(), Rulebook { catalog: 8, policies: 1 });
}
