//! Streams as earlier versions left them: what was accepted stands, and nobody is behind for it.

use super::*;
use crate::{
    Event as _,
    order::{CATALOG, PROJECT},
    resolution::OrderAccepted,
};

/// Reads an order and its acceptance, in either order.
#[track_caller]
fn check(kind: &str, body: &str, seen: impl Fn(&Snapshot) -> bool) {
    let subject = Subject::of(kind, &["alice".to_owned()]);
    let accepted = OrderAccepted {
        order: Sequence(1),
        operator: "alice".to_owned(),
        kind: kind.to_owned(),
        changed: true,
    };
    let order = |snapshot: &mut Snapshot| {
        fold(snapshot, StreamName::Orders, &subject, 1, OffsetDateTime::UNIX_EPOCH, body.as_bytes())
    };
    let answer = |snapshot: &mut Snapshot| {
        let (subject, body) = (accepted.subject(), accepted.clone().encode());
        fold(snapshot, StreamName::Resolutions, &subject, 1, OffsetDateTime::UNIX_EPOCH, &body);
    };
    let mut alone = Snapshot::default();
    let folded = order(&mut alone);
    assert!(matches!(folded, Folded::Order { outcome: Outcome::Rejected(_), .. }), "a new order: {folded:?}");
    assert!(!seen(&alone));
    let (mut first, mut last) = (alone, Snapshot::default());
    answer(&mut first);
    answer(&mut last);
    order(&mut last);
    assert!(first == last && !first.behind() && seen(&first), "{first:?}");
}

#[test]
fn what_an_earlier_version_accepted_is_in_force() {
    let shop = "shop".parse().unwrap();
    let project = r#"{"name": "shop", "source": "shop", "image": "r.io/shop:1"}"#;
    check(PROJECT, project, |snapshot| snapshot.project(&shop).is_some());
    let unknown =
        r#"{"name": "shop", "source": "https://g/s.git", "image": "r.io/shop:1", "policy": "none"}"#;
    check(PROJECT, unknown, |snapshot| snapshot.project(&shop).is_some());
    check(CATALOG, r#"{"section": "doors"}"#, |snapshot| snapshot.rejected().count() == 0);
}
