//! The catalogue against `proto/` and the streams, and facts there and back.

use std::collections::BTreeSet;

use artifact::Digest;

use super::*;
use crate::fact::{ImageInstance, ImagePushed};

#[test]
fn every_event_stands_in_proto_and_in_a_stream() {
    let text = String::from_utf8_lossy(proto::DESCRIPTORS).into_owned();
    for entry in catalogue() {
        assert!(text.contains(entry.message), "{} has no message in proto/", entry.message);
        let spec = entry.stream.spec();
        let kept = spec.subjects.iter().any(|subject| subject_covers(subject, entry.kind));
        assert!(kept, "{} is kept by no stream; {} has {:?}", entry.kind, spec.name, spec.subjects);
    }
}

fn subject_covers(pattern: &str, kind: &str) -> bool {
    pattern.split('.').zip(kind.split('.')).all(|(wanted, token)| wanted == "*" || wanted == token)
}

#[test]
fn no_two_events_share_a_subject() {
    let kinds: Vec<_> = catalogue().into_iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds.iter().collect::<BTreeSet<_>>().len(), kinds.len());
}

#[test]
fn nothing_that_operators_hear_can_land_among_the_orders() {
    for heard in topology::Account::ALL.iter().flat_map(|account| account.heard_by_operators()) {
        for order in order::ENTRIES {
            assert!(
                !subject_covers(heard.trim_end_matches(".>"), order.kind),
                "{heard} would carry {}",
                order.kind
            );
        }
    }
}

fn pushed() -> ImagePushed {
    ImagePushed {
        repository: "r.io/team/app".parse().unwrap(),
        tag: "1".parse().ok(),
        digest: Digest::of(b"manifest"),
        instances: vec![ImageInstance {
            digest: Digest::of(b"manifest"),
            platform: "linux/amd64".parse().ok(),
            config_digest: Digest::of(b"config"),
            layers: vec![Digest::of(b"layer").into()],
            claimed_base: None,
        }],
    }
}

#[test]
fn a_fact_is_readable_json_and_survives_the_way() {
    let body = Event::encode(pushed());
    let json: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(json["repository"], "r.io/team/app");
    assert_eq!(<ImagePushed as Event>::decode(&body).unwrap(), pushed());
    assert!(pushed().subject().as_str().starts_with("plimsoll.image.pushed."));
}

#[test]
fn a_fact_may_have_fields_of_a_newer_producer_but_not_a_wrong_one() {
    let mut json: serde_json::Value = serde_json::from_slice(&Event::encode(pushed())).unwrap();
    json["novelty"] = 1.into();
    assert_eq!(<ImagePushed as Event>::decode(json.to_string().as_bytes()).unwrap(), pushed());
    json["digest"] = "sha256:short".into();
    let error = <ImagePushed as Event>::decode(json.to_string().as_bytes()).unwrap_err();
    assert!(matches!(error, Malformed::Field { field: "digest", .. }), "{error}");
}

#[test]
fn a_hostile_key_stays_one_token() {
    let subject = Subject::of("plimsoll.container.started", &["node.*".to_owned(), "a b>".to_owned()]);
    assert_eq!(subject.as_str(), "plimsoll.container.started.node__.a_b_");
}
