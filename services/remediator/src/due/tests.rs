//! One table of containers against one ban with a remedy, and the ways in which a run stops being due.

use artifact::{DiffId, Digest, ImageFacts, ImageRef, chain_ids};
use time::Duration;
use verdict::{
    Order, OrderRecord, Resolution,
    order::{Ban, BanSelector, BanTarget, CatalogSection, Lift, RemedyOrder, Severity},
    resolution::IndexedBase,
};

use super::*;

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const STARTED: &str = "2024-01-01T00:00:00.5Z";

fn layers(names: &[&str]) -> Vec<DiffId> {
    names.iter().map(|name| Digest::of(name.as_bytes()).into()).collect()
}

/// A running container whose image has these layers and no telling name.
pub(crate) fn container(id: &str, layer_names: &[&str]) -> Container {
    let image_id = Digest::of(format!("image of {id}").as_bytes());
    Container {
        id: id.parse().unwrap(),
        name: format!("name-{id}"),
        image_name: format!("r.io/team/{id}:1"),
        facts: ImageFacts {
            references: vec![format!("r.io/team/{id}:1").parse().unwrap()],
            digests: [image_id.clone()].into(),
            layers: layers(layer_names),
            ..ImageFacts::default()
        },
        image_id,
        started_at: Some(STARTED.to_owned()),
        is_running: true,
        is_removed_at_end: false,
        labels: [].into(),
    }
}

pub(crate) fn ban() -> Ban {
    let image: ImageRef = "r.io/os:1".parse().unwrap();
    Ban {
        target: BanTarget::Tag(image.repository().clone(), image.tag().unwrap().clone()),
        reason: "CVE".to_owned(),
        severity: Severity::Critical,
        roles: [artifact::BaseRole::Base].into(),
        replacement: None,
        remedy: Some("patch".parse().unwrap()),
        expires: None,
    }
}

fn remedy(name: &str) -> Remedy {
    Remedy {
        name: name.parse().unwrap(),
        argv: vec!["patch".to_owned()],
        user: None,
        timeout: std::time::Duration::from_secs(60),
        idempotent: false,
    }
}

/// The catalog as order 1, and `orders` from 2 on.
fn ordered(orders: impl IntoIterator<Item = Order>) -> Snapshot {
    let catalog = Order::Catalog(CatalogSection::Remedies(vec![remedy("patch"), remedy("restart")]));
    let mut snapshot = Snapshot::default();
    for (order, sequence) in std::iter::once(catalog).chain(orders).zip(1..) {
        snapshot.apply(&OrderRecord {
            sequence: Sequence(sequence),
            operator: "alice".parse().unwrap(),
            at: NOW,
            order,
        });
    }
    snapshot
}

/// The same, where `r.io/os:1` is known to be the layers a and b.
pub(crate) fn resolved(orders: impl IntoIterator<Item = Order>) -> Snapshot {
    let mut snapshot = ordered(orders);
    snapshot.resolve(
        1,
        Resolution::Indexed(IndexedBase {
            reference: "r.io/os:1".parse().unwrap(),
            digests: [Digest::of(b"os:1")].into(),
            chains: chain_ids(&layers(&["a", "b"])).last().cloned().into_iter().collect(),
        }),
    );
    snapshot
}

fn lift() -> Order {
    Order::Lift(Lift { bans: BanSelector::Sequence(Sequence(2)), reason: "fixed".to_owned() })
}

/// What is due, as `ban remedy container`.
fn said(
    snapshot: &Snapshot,
    inventory: &[Container],
    known: &BTreeSet<Run>,
    now: OffsetDateTime,
) -> Vec<String> {
    let due = due(snapshot, inventory.iter(), known, now);
    due.iter().map(|due| format!("{} {} {}", due.run.ban, due.run.remedy, due.run.container)).collect()
}

#[track_caller]
fn check(snapshot: &Snapshot, inventory: &[Container], expected: &[&str]) {
    assert_eq!(said(snapshot, inventory, &BTreeSet::new(), NOW), expected);
}

#[test]
fn what_stands_on_the_banned_base_is_due_whatever_it_is_called() {
    let snapshot = resolved([Order::Ban(ban())]);
    let named = |id: &str, name: &str| {
        let mut container = container(id, &["x"]);
        container.facts.references = vec![name.parse().unwrap()];
        container
    };
    for (container, is_due) in [
        (container("derived", &["a", "b", "c"]), true),
        (container("base", &["a", "b"]), true),
        (container("unrelated", &["x", "y"]), false),
        (container("below", &["a"]), false),
        (container("reordered", &["b", "a"]), false),
        (named("named", "r.io/os:1"), true),
        (named("other", "r.io/os:2"), false),
        // Nothing but a name is known of it: it cannot be cleared, and is left alone all the same.
        (container("unknown", &[]), false),
        (Container { is_running: false, ..container("stopped", &["a", "b"]) }, false),
        (Container { started_at: None, ..container("never", &["a", "b"]) }, false),
    ] {
        let expected: &[&str] = &[&format!("2 patch {}", container.id)];
        check(&snapshot, std::slice::from_ref(&container), if is_due { expected } else { &[] });
    }
}

#[test]
fn a_pending_ban_remedies_nothing() {
    check(&ordered([Order::Ban(ban())]), &[container("derived", &["a", "b", "c"])], &[]);
}

#[test]
fn a_remedy_stands_until_it_is_closed_the_ban_lifted_or_expired() {
    let inventory = [container("derived", &["a", "b", "c"])];
    let closed = Order::RemedyClosed(BanSelector::Sequence(Sequence(2)));
    let also = Order::Remedy(RemedyOrder { ban: Sequence(2), remedy: "restart".parse().unwrap() });
    let plain = Order::Ban(Ban { remedy: None, ..ban() });
    check(&resolved([Order::Ban(ban())]), &inventory, &["2 patch derived"]);
    check(&resolved([Order::Ban(ban()), closed]), &inventory, &[]);
    check(&resolved([Order::Ban(ban()), lift()]), &inventory, &[]);
    check(&resolved([Order::Ban(ban()), lift(), Order::Ban(ban())]), &inventory, &["4 patch derived"]);
    check(&resolved([plain.clone()]), &inventory, &[]);
    check(&resolved([plain, also.clone()]), &inventory, &["2 restart derived"]);
    let both = ["2 patch derived", "2 restart derived"];
    check(&resolved([Order::Ban(ban()), also]), &inventory, &both);

    let expiring = Ban { expires: Some(NOW + Duration::HOUR), ..ban() };
    let snapshot = resolved([Order::Ban(expiring)]);
    assert_eq!(said(&snapshot, &inventory, &BTreeSet::new(), NOW).len(), 1);
    assert_eq!(said(&snapshot, &inventory, &BTreeSet::new(), NOW + Duration::HOUR).len(), 0);
}

#[test]
fn a_known_run_is_not_due_and_the_next_run_of_its_container_is() {
    let snapshot = resolved([Order::Ban(ban())]);
    let mut inventory = [container("derived", &["a", "b"])];
    let known: BTreeSet<Run> =
        due(&snapshot, inventory.iter(), &BTreeSet::new(), NOW).into_iter().map(|due| due.run).collect();
    assert_eq!(said(&snapshot, &inventory, &known, NOW).len(), 0);
    inventory[0].started_at = Some("2024-01-01T00:00:07Z".to_owned());
    assert_eq!(said(&snapshot, &inventory, &known, NOW), ["2 patch derived"]);
}

#[test]
fn a_container_is_told_with_the_bans_that_cover_it() {
    let snapshot = resolved([Order::Ban(Ban { remedy: None, ..ban() })]);
    assert_eq!(bans(&snapshot, &container("derived", &["a", "b"]), NOW), [Sequence(2)]);
    assert_eq!(bans(&snapshot, &container("unrelated", &["x"]), NOW), []);
}
