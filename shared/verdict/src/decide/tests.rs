//! One table of images against one ban, and the rules around it.

use artifact::{DiffId, Digest, chain_ids};
use time::Duration;

use super::*;
use crate::{
    order::{Ban, BanSelector, CatalogSection, Lift, Order, Sequence},
    resolution::{BanResolution, IndexedBase, Resolution},
    snapshot::tests::{ban, record},
};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

fn layers(names: &[&str]) -> Vec<DiffId> {
    names.iter().map(|name| Digest::of(name.as_bytes()).into()).collect()
}

fn image(name: &str, layer_names: &[&str]) -> ImageFacts {
    ImageFacts {
        references: vec![name.parse().unwrap()],
        digests: [Digest::of(name.as_bytes())].into(),
        layers: layers(layer_names),
        ..ImageFacts::default()
    }
}

fn enforcing() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let doors = Door::ALL.iter().map(|door| (*door, Mode::Enforce)).collect();
    snapshot.apply(&record(1, Order::Catalog(CatalogSection::Doors(doors))));
    let base = layers(&["a", "b"]);
    snapshot.resolve(
        1,
        Resolution::Indexed(IndexedBase {
            reference: "r.io/os:1".parse().unwrap(),
            digests: [Digest::of(b"r.io/os:1")].into(),
            chains: chain_ids(&base).last().cloned().into_iter().collect(),
        }),
    );
    snapshot
}

fn banned(change: impl FnOnce(&mut Ban)) -> Snapshot {
    let mut snapshot = enforcing();
    let mut order = ban("r.io/os:1");
    change(&mut order);
    snapshot.apply(&record(2, Order::Ban(order)));
    snapshot
}

#[track_caller]
fn check(snapshot: &Snapshot, image: &ImageFacts, expected: Decision) {
    let verdict = decide(snapshot, image, Door::Start, NOW);
    assert_eq!(verdict.decision, expected, "{verdict}");
}

#[test]
fn derived_images_are_refused_whatever_they_are_called() {
    let snapshot = banned(|_| {});
    check(&snapshot, &image("r.io/os:1", &["a", "b"]), Decision::Refuse);
    check(&snapshot, &image("elsewhere.io/innocent:9", &["a", "b", "c"]), Decision::Refuse);
    check(&snapshot, &image("r.io/app:1", &["a", "x"]), Decision::Allow);
    check(&snapshot, &image("r.io/app:1", &["x", "a", "b"]), Decision::Allow);
}

#[test]
fn the_name_alone_is_enough_to_refuse_and_a_label_widens() {
    let snapshot = banned(|_| {});
    let named = ImageFacts { references: vec!["r.io/os:1".parse().unwrap()], ..ImageFacts::default() };
    check(&snapshot, &named, Decision::Refuse);
    let mut squashed = image("r.io/app:1", &["z"]);
    check(&snapshot, &squashed, Decision::Allow);
    squashed.claimed_bases = vec![format!("r.io/os:1@{}", Digest::of(b"r.io/os:1")).parse().unwrap()];
    check(&snapshot, &squashed, Decision::Refuse);
}

#[test]
fn what_cannot_be_cleared_is_refused_only_when_critical() {
    let unknown = ImageFacts { references: vec!["r.io/app:1".parse().unwrap()], ..ImageFacts::default() };
    check(&banned(|_| {}), &unknown, Decision::Warn);
    check(&banned(|ban| ban.severity = Severity::Critical), &unknown, Decision::Refuse);
    check(&enforcing(), &unknown, Decision::Allow);
}

#[test]
fn a_pending_ban_clears_nobody_until_it_is_resolved() {
    let mut snapshot = enforcing();
    let unindexed = Ban { severity: Severity::Critical, ..ban("r.io/other:2") };
    snapshot.apply(&record(2, Order::Ban(unindexed)));
    check(&snapshot, &image("r.io/app:1", &["q"]), Decision::Refuse);
    snapshot.resolve(
        2,
        Resolution::BanResolved(BanResolution {
            ban: Sequence(2),
            image: None,
            digests: [Digest::of(b"other")].into(),
            chains: chain_ids(&layers(&["k"])).into_iter().collect(),
            derived: [
                (Digest::of(b"r.io/copier:1"), BaseRole::Copy),
                (Digest::of(b"r.io/compiled:1"), BaseRole::Stage),
            ]
            .into(),
            complete: true,
            withheld: false,
        }),
    );
    check(&snapshot, &image("r.io/app:1", &["q"]), Decision::Allow);
    check(&snapshot, &image("r.io/app:1", &["k", "q"]), Decision::Refuse);
    // A copied file counts by default, a compile stage does not.
    check(&snapshot, &image("r.io/copier:1", &["q"]), Decision::Refuse);
    check(&snapshot, &image("r.io/compiled:1", &["q"]), Decision::Allow);
}

#[test]
fn lifting_restores_exactly_what_no_other_ban_covers() {
    let mut snapshot = banned(|_| {});
    snapshot.apply(&record(3, Order::Ban(Ban { reason: "another".to_owned(), ..ban("r.io/os:1") })));
    let derived = image("r.io/app:1", &["a", "b", "c"]);
    let lift = |sequence| {
        Order::Lift(Lift { bans: BanSelector::Sequence(Sequence(sequence)), reason: String::new() })
    };
    snapshot.apply(&record(4, lift(2)));
    check(&snapshot, &derived, Decision::Refuse);
    snapshot.apply(&record(5, lift(3)));
    check(&snapshot, &derived, Decision::Allow);
}

#[test]
fn a_door_is_as_strict_as_its_mode_and_says_what_it_would_do() {
    let derived = image("r.io/app:1", &["a", "b", "c"]);
    let mut snapshot = banned(|_| {});
    for (sequence, (mode, expected)) in (10..).zip([
        (Mode::Observe, Decision::Allow),
        (Mode::Warn, Decision::Warn),
        (Mode::Enforce, Decision::Refuse),
    ]) {
        snapshot
            .apply(&record(sequence, Order::Catalog(CatalogSection::Doors([(Door::Start, mode)].into()))));
        let verdict = decide(&snapshot, &derived, Door::Start, NOW);
        assert_eq!((verdict.decision, verdict.strict), (expected, Decision::Refuse));
    }
}

#[test]
fn an_expired_ban_holds_no_longer() {
    let snapshot = banned(|ban| ban.expires = Some(NOW + Duration::HOUR));
    let derived = image("r.io/app:1", &["a", "b", "c"]);
    check(&snapshot, &derived, Decision::Refuse);
    assert_eq!(decide(&snapshot, &derived, Door::Start, NOW + Duration::HOUR).decision, Decision::Allow);
}

#[test]
fn roles_that_do_not_count_do_not_taint() {
    let snapshot = banned(|ban| ban.roles = [BaseRole::Stage].into());
    check(&snapshot, &image("r.io/app:1", &["a", "b", "c"]), Decision::Allow);
    check(&snapshot, &image("r.io/os:1", &["a", "b"]), Decision::Refuse);
}

#[test]
fn a_refusal_says_what_why_who_when_and_what_instead() {
    let snapshot = banned(|ban| ban.replacement = Some("r.io/os:2".parse().unwrap()));
    let text = decide(&snapshot, &image("r.io/app:1", &["a", "b", "c"]), Door::Start, NOW).to_string();
    for part in ["r.io/app:1", "r.io/os:1", "alice", "1970-01-01T00:00:00Z", "CVE", "use r.io/os:2"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}
