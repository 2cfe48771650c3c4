//! The catalog at FROM.

use super::*;
use crate::{
    order::{Ban, Base, CatalogSection, Order, Project},
    snapshot::tests::{ban, record},
};

fn catalog() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let base = Base {
        repository: "r.io/base/os".parse().unwrap(),
        current: "10.4.9".parse().unwrap(),
        allowed: vec!["10.4.7".parse().unwrap()],
        outdated: vec!["10.4.8".parse().unwrap()],
    };
    let other = Base { repository: "r.io/base/java".parse().unwrap(), ..base.clone() };
    snapshot.apply(&record(1, Order::Catalog(CatalogSection::Bases(vec![base, other]))));
    snapshot.apply(&record(
        2,
        Order::Project(Project {
            name: "platform".parse().unwrap(),
            source: "git://host/platform".to_owned(),
            branch: "main".to_owned(),
            definition: "Dockerfile".to_owned(),
            image: "r.io/platform/web:1".parse().unwrap(),
            policy: None,
            webhook: None,
        }),
    ));
    snapshot
}

#[track_caller]
fn check(snapshot: &Snapshot, written: &str, expected: &str) {
    let shown = match choose_base(snapshot, &written.parse().unwrap(), OffsetDateTime::UNIX_EPOCH) {
        BaseChoice::Keep => "keep".to_owned(),
        BaseChoice::Replace { with, .. } => format!("replace {with}"),
        BaseChoice::Refuse { nearest, .. } => {
            format!("refuse {}", nearest.map(|image| image.to_string()).unwrap_or_default())
        }
    };
    assert_eq!(shown, expected);
}

#[test]
fn the_catalog_decides() {
    let snapshot = catalog();
    check(&snapshot, "r.io/base/os:10.4.9", "keep");
    check(&snapshot, "r.io/base/os:10.4.7", "keep");
    check(&snapshot, "r.io/base/os:10.4.8", "replace r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:3", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/platform/web:1", "keep");
    check(&snapshot, "docker.io/base/java:1", "refuse r.io/base/java:10.4.9");
    check(&snapshot, "debian", "refuse r.io/base/os:10.4.9");
}

#[test]
fn an_empty_catalog_allows_nothing() {
    check(&Snapshot::default(), "debian:12", "refuse ");
}

#[test]
fn a_banned_base_gets_the_bans_replacement_then_the_catalogs() {
    let mut snapshot = catalog();
    snapshot.apply(&record(3, Order::Ban(ban("r.io/base/os:10.4.7"))));
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.4.9");
    let named =
        Ban { replacement: Some("r.io/base/os:10.4.10".parse().unwrap()), ..ban("r.io/base/os:10.4.9") };
    snapshot.apply(&record(4, Order::Ban(named)));
    check(&snapshot, "r.io/base/os:10.4.9", "replace r.io/base/os:10.4.10");
    // The catalog's own current version is banned now, and is not offered any more.
    check(&snapshot, "r.io/base/os:10.4.8", "refuse r.io/base/java:10.4.9");
}
