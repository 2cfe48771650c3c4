//! Whatever the catalog, the bans and the reference: nothing is built on that is banned or outside, and nothing goes back unsaid.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::order::Severity;

const REPOSITORIES: [&str; 3] = ["r.io/base/os", "r.io/base/java", "docker.io/library/os"];
const TAGS: [&str; 12] = [
    "1.1", "1.2", "1.3", "2.0", "1.2.0", "1.2-slim", "1.3-slim", "1.3-rc1", "latest", "bookworm", "trixie",
    "1.1-slim",
];
const RULES: [&str; 9] = ["1.1", "1.2", "^1.2", "<1.3", "*-slim", "^1-slim", "*", ">=bookworm", "latest"];

fn image() -> impl Strategy<Value = ImageRef> {
    (select(REPOSITORIES.as_slice()), select(TAGS.as_slice()), option::weighted(0.2, select(TAGS.as_slice())))
        .prop_map(|(repository, tag, digest)| {
            let image: ImageRef = format!("{repository}:{tag}").parse().unwrap();
            match digest {
                Some(content) => image.pinned(Digest::of(format!("{content}manifest").as_bytes())),
                None => image,
            }
        })
}

fn tagged() -> impl Strategy<Value = ImageRef> {
    (select(REPOSITORIES.as_slice()), select(TAGS.as_slice()))
        .prop_map(|(repository, tag)| format!("{repository}:{tag}").parse().unwrap())
}

fn bases() -> impl Strategy<Value = Vec<Base>> {
    let rules = || vec(select(RULES.as_slice()).prop_map(|rule| rule.parse().unwrap()), 0..3);
    let base = (select(REPOSITORIES.as_slice()), select(TAGS.as_slice()), rules(), rules(), 0u8..8);
    vec(base, 0..3).prop_map(|bases| {
        let mut bases: Vec<Base> = bases
            .into_iter()
            .map(|(repository, current, allowed, outdated, flags)| Base {
                allowed,
                outdated,
                majors: if flags & 1 > 0 { Majors::Crossed } else { Majors::Kept },
                downgrades: if flags & 2 > 0 { Downgrades::Allowed } else { Downgrades::Refused },
                pins: if flags & 4 > 0 { Pins::Digest } else { Pins::AsWritten },
                ..Base::new(repository.parse().unwrap(), tag(current))
            })
            .collect();
        bases.sort_by(|one, other| one.repository.cmp(&other.repository));
        bases.dedup_by(|one, other| one.repository == other.repository);
        bases
    })
}

fn replacements() -> impl Strategy<Value = Vec<Replacement>> {
    let to = select(
        ["r.io/base/os:1.2", "r.io/base/java:${1}", "r.io/base/os:${1}", "docker.io/library/os:1.1"]
            .as_slice(),
    );
    let from = select(["docker.io/library/os:*", "docker.io/library/*:1.1", "r.io/base/java:?.?"].as_slice());
    vec((from, to), 0..3).prop_map(|rules| {
        let rule = |(number, (from, to)): (usize, (&str, &str))| {
            replacement(&format!("rule-{number}"), ImagePattern::wildcard(from).unwrap(), to)
        };
        rules.into_iter().enumerate().map(rule).collect()
    })
}

fn bans() -> impl Strategy<Value = Vec<Ban>> {
    let severity = select([Severity::Low, Severity::High, Severity::Critical].as_slice());
    let one = (tagged(), option::of(tagged()), severity);
    vec(one, 0..4).prop_map(|bans| {
        bans.into_iter()
            .map(|(image, replacement, severity)| Ban { replacement, severity, ..ban(&image.to_string()) })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_leads_to_what_is_banned_outside_or_older(
        bases in bases(),
        rules in replacements(),
        bans in bans(),
        seen in vec(tagged(), 0..8),
        written in image(),
    ) {
        let mut snapshot = Snapshot::default();
        for (sequence, image) in (1..).zip(&seen) {
            snapshot.resolve(sequence, indexed(&image.to_string(), image.tag().unwrap().as_str().as_bytes()));
        }
        let sections = [CatalogSection::Bases(bases), CatalogSection::Replacements(rules)].map(Order::Catalog);
        for (sequence, order) in (1..).zip(sections.into_iter().chain(bans.iter().cloned().map(Order::Ban))) {
            snapshot.apply(&record(sequence, order));
        }
        let now = OffsetDateTime::UNIX_EPOCH;
        match choose_base(&snapshot, None, &written, now) {
            BaseChoice::Keep { .. } => {
                let listed = snapshot.base(written.repository()).is_some_and(|base| written.tag().is_some_and(|tag| base.allows(tag)));
                prop_assert!(listed, "{} is kept and not listed", written);
                prop_assert!(!snapshot.is_banned(&written, now), "{} is kept and banned", written);
            }
            BaseChoice::Replace { with, rule, .. } => {
                let base = snapshot.base(with.repository());
                let listed = base.is_some_and(|base| with.tag().is_some_and(|tag| base.allows(tag)));
                prop_assert!(listed, "{} leads to {}, which is not listed ({})", written, with, rule);
                prop_assert!(!bans.iter().any(|ban| ban.names(&with) && snapshot.bans().any(|active| active.ban == *ban)), "{} leads to {}, which is banned", written, with);
                let version = |image: &ImageRef| crate::Version::of(image.tag().unwrap());
                let older = version(&with).zip(version(&written)).is_some_and(|(new, old)| new.age(&old) == Some(std::cmp::Ordering::Less));
                let said = matches!(rule, FromRule::Ban(_)) || base.is_some_and(|base| base.downgrades == Downgrades::Allowed);
                prop_assert!(!older || said || with.repository().path().ends_with("java") != written.repository().path().ends_with("java"), "{} goes back to {} ({})", written, with, rule);
            }
            BaseChoice::Refuse { nearest, .. } => {
                prop_assert!(nearest.is_none_or(|image| snapshot.allows(&image) && !snapshot.is_banned(&image, now)));
            }
        }
    }

    #[test]
    fn an_empty_catalog_allows_nothing_whatever_else_there_is(bans in bans(), written in image()) {
        let mut snapshot = Snapshot::default();
        for (sequence, ban) in (1..).zip(bans) {
            snapshot.apply(&record(sequence, Order::Ban(ban)));
        }
        let choice = choose_base(&snapshot, None, &written, OffsetDateTime::UNIX_EPOCH);
        prop_assert!(matches!(choice, BaseChoice::Refuse { nearest: None, .. }), "{}", choice);
    }
}
