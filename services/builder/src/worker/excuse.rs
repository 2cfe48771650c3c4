//! What a project may build on although a ban covers it: its holds and exceptions, as the catalog has them. Pure.

use std::collections::BTreeMap;

use artifact::{ImageFacts, ImageRef};
use time::OffsetDateTime;
use verdict::{
    Door, Sequence, Snapshot, Verdict,
    decide::{decide_unless, tie},
    order::Name,
};

/// The bans past which a build may go, each with the reason.
pub(super) type Excused = BTreeMap<Sequence, String>;

/// The bans that cover `image` and from which `project` is excused for it.
pub(super) fn excused(
    snapshot: &Snapshot,
    project: &Name,
    image: &ImageRef,
    instances: &[ImageFacts],
    now: OffsetDateTime,
) -> Excused {
    // What was built on is recorded with its digest; a hold or exception may be about its version.
    let version = image.tag().map(|tag| image.repository().at_tag(tag.clone()));
    snapshot
        .bans()
        .filter(|ban| ban.holds_at(now))
        .filter_map(|ban| {
            let named = |image: &ImageRef| snapshot.excuse(Some(project), image, Some(ban), now);
            let excuse = named(image).or_else(|| version.as_ref().and_then(named))?;
            let coverage = snapshot.coverage(ban);
            let covers = instances.iter().any(|facts| tie(ban, &coverage, facts).is_some());
            covers.then(|| (ban.record.sequence, excuse.to_string()))
        })
        .collect()
}

/// The strictest verdict about the instances of one image, past those bans.
pub(super) fn judged(
    snapshot: &Snapshot,
    instances: &[ImageFacts],
    door: Door,
    excused: &Excused,
    now: OffsetDateTime,
) -> Option<Verdict> {
    let past = |ban: &verdict::snapshot::ActiveBan| excused.contains_key(&ban.record.sequence);
    instances
        .iter()
        .map(|facts| decide_unless(snapshot, facts, door, now, past))
        .max_by_key(|verdict| verdict.strict)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use artifact::{BaseRole, Digest};
    use verdict::{
        Decision, Order, OrderRecord,
        order::{Ban, BanTarget, CatalogSection, Hold, Severity},
    };

    use super::*;

    fn snapshot(severity: Severity) -> Snapshot {
        let os: ImageRef = "r.io/os:1".parse().unwrap();
        let hold = Hold {
            project: "shop".parse().unwrap(),
            image: os.clone(),
            reason: "a driver".to_owned(),
            ticket: "OPS-1".to_owned(),
            expires: OffsetDateTime::UNIX_EPOCH + time::Duration::DAY,
        };
        let ban = Ban {
            target: BanTarget::Tag(os.repository().clone(), os.tag().unwrap().clone()),
            reason: "CVE".to_owned(),
            severity,
            roles: [BaseRole::Base].into(),
            replacement: None,
            remedy: None,
            expires: None,
        };
        let doors = CatalogSection::Doors([(Door::From, verdict::Mode::Enforce)].into());
        let mut snapshot = Snapshot::default();
        let orders =
            [Order::Catalog(CatalogSection::Holds(vec![hold])), Order::Ban(ban), Order::Catalog(doors)];
        for (sequence, order) in (1..).zip(orders) {
            let (sequence, operator) = (Sequence(sequence), "alice".parse().unwrap());
            snapshot.apply(&OrderRecord { sequence, operator, at: OffsetDateTime::UNIX_EPOCH, order });
        }
        snapshot
    }

    /// How far `project` gets with `image` at `days`, whose ban is the second order.
    #[track_caller]
    fn check(severity: Severity, project: &str, image: &str, days: i64, expected: Decision) {
        let snapshot = snapshot(severity);
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(days);
        let image: ImageRef = image.parse().unwrap();
        let instances = [ImageFacts {
            references: vec!["r.io/os:1".parse().unwrap()],
            digests: BTreeSet::from([Digest::of(b"os")]),
            ..ImageFacts::default()
        }];
        let excused = excused(&snapshot, &project.parse().unwrap(), &image, &instances, now);
        assert_eq!(excused.contains_key(&Sequence(2)), expected != Decision::Refuse);
        let verdict = judged(&snapshot, &instances, Door::From, &excused, now).unwrap();
        assert_eq!(verdict.decision, expected, "{verdict}");
    }

    #[test]
    fn a_hold_reaches_past_a_ban_of_its_version_while_it_lasts() {
        use Decision::{Allow, Refuse};
        let pinned = format!("r.io/os:1@{}", Digest::of(b"os"));
        check(Severity::High, "shop", "r.io/os:1", 0, Allow);
        check(Severity::High, "shop", &pinned, 0, Allow);
        check(Severity::High, "shop", "r.io/os:1", 1, Refuse);
        check(Severity::High, "other", "r.io/os:1", 0, Refuse);
        check(Severity::High, "shop", "r.io/os:2", 0, Refuse);
        check(Severity::Critical, "shop", "r.io/os:1", 0, Refuse);
    }
}
