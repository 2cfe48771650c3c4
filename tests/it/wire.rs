//! The wire: what is in `proto/` is in the catalogue, and what is in the catalogue is published by somebody.

use std::collections::BTreeSet;

use events::{
    catalogue,
    topology::{Role, StreamName},
};

/// Messages of `proto/` that are parts of others, or questions and answers.
fn is_part(message: &str) -> bool {
    ["Request", "Reply"].iter().any(|end| message.ends_with(end))
        || [
            "CatalogBase",
            "CatalogRemedy",
            "CatalogReplacement",
            "CatalogHold",
            "CatalogException",
            "PolicyModule",
            "KnownBase",
            "KnownDefinition",
            "DerivedImage",
            "ImageInstance",
            "Finding",
            "BuildInput",
            "ScannedUse",
            "BanStatus",
            "PolicyStatus",
            "ExposedOrder",
            "WaitingBuild",
        ]
        .contains(&message)
}

fn messages() -> BTreeSet<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("proto/plimsoll/v1");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let lines: Vec<String> =
        files.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines
        .iter()
        .filter_map(|line| line.strip_prefix("message ")?.split_whitespace().next().map(str::to_owned))
        .collect()
}

#[test]
fn every_message_is_an_event_or_a_part() {
    let broadcasts = events::BROADCASTS.iter().map(|(message, _)| (*message).to_owned());
    let events: BTreeSet<String> =
        catalogue().iter().map(|entry| entry.message.to_owned()).chain(broadcasts).collect();
    let left: Vec<_> =
        messages().into_iter().filter(|message| !is_part(message) && !events.contains(message)).collect();
    assert!(left.is_empty(), "in proto/ and not in the catalogue: {left:?}");
    let missing: Vec<_> = events.difference(&messages()).cloned().collect();
    assert!(missing.is_empty(), "in the catalogue and not in proto/: {missing:?}");
}

#[test]
fn every_fact_has_a_role_that_may_publish_it() {
    let published: Vec<_> = Role::ALL.into_iter().flat_map(|role| role.spec().publishes.iter()).collect();
    // These are said by people.
    let by_people = [StreamName::Orders, StreamName::Redrive];
    for entry in catalogue().iter().filter(|entry| !by_people.contains(&entry.stream)) {
        assert!(
            published.iter().any(|subject| subject.starts_with(entry.kind)),
            "nobody may publish {}",
            entry.kind
        );
    }
    for (message, subject) in events::BROADCASTS {
        let publishers =
            Role::ALL.into_iter().filter(|role| role.spec().broadcasts.contains(subject)).count();
        assert_eq!(publishers, 1, "{message} has one publisher");
    }
}
