//! A tag ban covers every digest that the tag is known to have had, until it is lifted or fixed: in whatever way orders, pushes, restarts of the
//! invalidator and the reading of the two streams interleave.

use artifact::{DiffId, ImageFacts, chain_ids};
use proptest::prelude::*;
use time::OffsetDateTime;

use super::*;
use crate::{
    decide::{Door, Rule, decide},
    order::{Ban, BanSelector, Fixed, Order, OrderRecord},
    resolution::Resolution,
    snapshot::{
        Outcome, Snapshot,
        tests::{ban, lift, record},
    },
};

const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const TAGS: [&str; 2] = ["r.io/os:1", "r.io/os:2"];
const CONTENTS: [&str; 5] = ["a", "b", "c", "d", "e"];

fn digest(content: &str) -> Digest {
    Digest::of(content.as_bytes())
}

fn layers(content: &str) -> Vec<DiffId> {
    vec![Digest::of(format!("layer {content}").as_bytes()).into()]
}

/// What the invalidator publishes when it reads `tag` and finds `content`.
fn read(tag: &str, content: &str) -> IndexedBase {
    let tag: ImageRef = tag.parse().unwrap();
    IndexedBase {
        reference: tag.pinned(digest(content)),
        digests: [digest(content)].into(),
        chains: chain_ids(&layers(content)).into_iter().collect(),
    }
}

fn resolved(ban: Sequence, image: Option<&str>, derived: &[&str]) -> BanResolution {
    BanResolution {
        ban,
        image: image.map(digest),
        digests: BTreeSet::new(),
        chains: BTreeSet::new(),
        derived: derived.iter().map(|name| (digest(name), BaseRole::Copy)).collect(),
        complete: true,
        withheld: false,
    }
}

fn fixed(tag: &str, content: &str) -> Order {
    let tag: ImageRef = tag.parse().unwrap();
    let target = BanTarget::Tag(tag.repository().clone(), tag.tag().unwrap().clone());
    let bans = BanSelector::Target(target);
    Order::Fixed(Fixed { bans, digest: digest(content), reason: "rebuilt".to_owned() })
}

/// An image on a node.
fn image(references: &[&str], content: &str) -> ImageFacts {
    ImageFacts {
        references: references.iter().map(|name| name.parse().unwrap()).collect(),
        digests: [digest(content)].into(),
        layers: layers(content),
        ..ImageFacts::default()
    }
}

fn is_denied(snapshot: &Snapshot, image: &ImageFacts) -> bool {
    matches!(decide(snapshot, image, Door::Start, NOW).rule, Rule::Banned(_))
}

#[test]
fn a_moved_tag_leaves_its_digests_covered() {
    let mut snapshot = Snapshot::default();
    snapshot.resolve(1, Resolution::Indexed(read(TAGS[0], "a")));
    snapshot.apply(&record(1, Order::Ban(ban(TAGS[0]))));
    assert!(is_denied(&snapshot, &image(&[], "a")));
    for (sequence, content) in [(2, "b"), (3, "c"), (4, "a"), (5, "b")] {
        snapshot.resolve(sequence, Resolution::Indexed(read(TAGS[0], content)));
        assert!(is_denied(&snapshot, &image(&[], "a")), "after {content}");
    }
    assert!(is_denied(&snapshot, &image(&[], "b")) && is_denied(&snapshot, &image(&[], "c")));
    assert!(snapshot.indexed(&TAGS[0].parse().unwrap()).unwrap().is_at(&digest("b")));
    snapshot.apply(&record(2, lift(1)));
    assert!(CONTENTS.iter().all(|content| !is_denied(&snapshot, &image(&[], content))));
}

/// A tag that had a, b, c and d, banned, with an image derived of b and c, of c, and of d by a copy; `c` is recorded as fixed.
fn fixed_at_c() -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (sequence, content) in (1..).zip(["a", "b", "c", "d"]) {
        snapshot.resolve(sequence, Resolution::Indexed(read(TAGS[0], content)));
    }
    snapshot.apply(&record(1, Order::Ban(ban(TAGS[0]))));
    for (sequence, (from, derived)) in
        (5..).zip([("b", &["of both"][..]), ("c", &["of both", "of c"]), ("d", &["of d"])])
    {
        snapshot.resolve(sequence, Resolution::BanResolved(resolved(Sequence(1), Some(from), derived)));
    }
    assert!(["of both", "of c", "of d"].iter().all(|name| is_denied(&snapshot, &image(&[], name))));
    assert_eq!(snapshot.apply(&record(2, fixed(TAGS[0], "c"))), Outcome::Accepted);
    snapshot
}

#[test]
fn a_fix_clears_its_digest_and_later_ones_and_what_only_they_cover() {
    let snapshot = fixed_at_c();
    let tag = TAGS[0];
    let table = [
        (image(&[], "a"), true),
        (image(&[tag], "b"), true),
        (image(&[tag], "c"), false),
        (image(&[tag], "d"), false),
        (image(&[], "of both"), true),
        (image(&[], "of c"), false),
        (image(&[], "of d"), false),
        // Its place in the history is unknown.
        (image(&[tag], "never seen"), true),
        (image(&[], "never seen"), false),
    ];
    for (image, denied) in table {
        assert_eq!(is_denied(&snapshot, &image), denied, "{image:?}");
    }
}

#[test]
fn the_bare_name_of_a_fixed_tag_is_what_the_tag_points_at_now() {
    let mut snapshot = fixed_at_c();
    let name: ImageRef = TAGS[0].parse().unwrap();
    let bare = ImageFacts { references: vec![name.clone()], ..ImageFacts::default() };
    assert_eq!(decide(&snapshot, &bare, Door::Start, NOW).rule, Rule::Unknown, "not denied, and not clear");
    assert!(!snapshot.is_banned(&name, NOW));
    // It moves back to what it was before.
    snapshot.resolve(9, Resolution::Indexed(read(TAGS[0], "a")));
    assert!(is_denied(&snapshot, &bare) && snapshot.is_banned(&name, NOW));
}

#[test]
fn a_claim_is_about_the_digest_that_it_pins_or_stands_on() {
    let snapshot = fixed_at_c();
    let claiming = |claim: ImageRef, below: &str| ImageFacts {
        claimed_bases: vec![claim],
        layers: [layers(below), layers("own")].concat(),
        ..image(&[], "claiming")
    };
    let tag: ImageRef = TAGS[0].parse().unwrap();
    for (claim, below, denied) in [
        (tag.clone(), "squashed", true),
        (tag.pinned(digest("a")), "squashed", true),
        (tag.pinned(digest("d")), "squashed", false),
        (tag.clone(), "d", false),
        (tag, "a", true),
    ] {
        assert_eq!(is_denied(&snapshot, &claiming(claim.clone(), below)), denied, "{claim} on {below}");
    }
}

#[test]
fn the_last_fix_decides_and_a_ban_ordered_again_covers_everything_again() {
    let mut snapshot = fixed_at_c();
    assert_eq!(snapshot.apply(&record(3, fixed(TAGS[0], "c"))), Outcome::Unchanged);
    assert_eq!(snapshot.apply(&record(4, fixed(TAGS[0], "d"))), Outcome::Accepted);
    assert!(is_denied(&snapshot, &image(&[], "of c")) && !is_denied(&snapshot, &image(&[], "d")));
    assert_eq!(snapshot.apply(&record(5, Order::Ban(ban(TAGS[0])))), Outcome::Accepted);
    assert!(is_denied(&snapshot, &image(&[], "d")));
    let by_digest = Ban { target: BanTarget::Digest("r.io/x".parse().unwrap(), digest("x")), ..ban(TAGS[1]) };
    snapshot.apply(&record(6, Order::Ban(by_digest)));
    let of_digest = Order::Fixed(Fixed {
        bans: BanSelector::Sequence(Sequence(6)),
        digest: digest("y"),
        reason: "r".to_owned(),
    });
    assert!(matches!(snapshot.apply(&record(7, of_digest)), Outcome::Rejected(_)));
    assert!(matches!(snapshot.apply(&record(8, fixed(TAGS[1], "c"))), Outcome::Rejected(_)));
}

#[test]
fn what_is_withheld_keeps_a_ban_pending() {
    let mut snapshot = Snapshot::default();
    snapshot.resolve(1, Resolution::Indexed(read(TAGS[0], "a")));
    snapshot.apply(&record(1, Order::Ban(ban(TAGS[0]))));
    let says =
        |withheld| Resolution::BanResolved(BanResolution { withheld, ..resolved(Sequence(1), None, &[]) });
    for (sequence, withheld) in [(2, false), (3, true), (4, false)] {
        snapshot.resolve(sequence, says(withheld));
        let ban = snapshot.ban(Sequence(1)).unwrap();
        assert_eq!(snapshot.coverage(ban).complete, !withheld);
    }
}

/// What happens, in the order in which it does.
#[derive(Debug, Clone, Copy)]
enum Step {
    Ban(usize),
    Lift(usize),
    Fixed(usize, usize),
    Push(usize, usize),
    /// The invalidator stops, or starts again.
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tag = || 0..TAGS.len();
    let content = || 0..CONTENTS.len();
    let step = prop_oneof![
        3 => tag().prop_map(Step::Ban),
        1 => tag().prop_map(Step::Lift),
        2 => (tag(), content()).prop_map(|(tag, content)| Step::Fixed(tag, content)),
        6 => (tag(), content()).prop_map(|(tag, content)| Step::Push(tag, content)),
        2 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..24)
}

/// The two streams as they come to be, and what the registry had.
#[derive(Default)]
struct Site {
    orders: Vec<OrderRecord>,
    resolutions: Vec<Resolution>,
    /// The digests of each tag, in the order of their first push.
    pushed: [Vec<&'static str>; 2],
    now: [Option<&'static str>; 2],
    is_down: bool,
    snapshot: Snapshot,
}

impl Site {
    fn of(steps: &[Step]) -> Self {
        let mut site = Self::default();
        steps.iter().for_each(|step| site.take(*step));
        site.is_down = false;
        site.publish();
        site
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Ban(tag) => self.order(Order::Ban(ban(TAGS[tag]))),
            Step::Lift(tag) => {
                let tag: ImageRef = TAGS[tag].parse().unwrap();
                let target = BanTarget::Tag(tag.repository().clone(), tag.tag().unwrap().clone());
                let bans = BanSelector::Target(target);
                self.order(Order::Lift(crate::order::Lift { bans, reason: "r".to_owned() }));
            }
            Step::Fixed(tag, content) => self.order(fixed(TAGS[tag], CONTENTS[content])),
            Step::Push(tag, content) => {
                let content = CONTENTS[content];
                if !self.pushed[tag].contains(&content) {
                    self.pushed[tag].push(content);
                }
                self.now[tag] = Some(content);
            }
            Step::Restart => self.is_down = !self.is_down,
        }
        self.publish();
    }

    fn order(&mut self, order: Order) {
        let record = record(self.orders.len() as u64 + 1, order);
        self.orders.push(record.clone());
        self.snapshot.apply(&record);
    }

    /// What the invalidator publishes while it is up: all that a banned tag had and is not published, then what it has now.
    fn publish(&mut self) {
        if self.is_down {
            return;
        }
        for (tag, name) in TAGS.iter().enumerate() {
            let reference = name.parse().unwrap();
            if !self.snapshot.bans().any(|ban| ban.ban.names(&reference)) {
                continue;
            }
            for content in self.pushed[tag].iter().copied().chain(self.now[tag]).collect::<Vec<_>>() {
                let base = read(name, content);
                let history = self.snapshot.coverages().history(&reference);
                let is_now =
                    self.now[tag] == Some(content) && history.and_then(TagHistory::newest) != Some(&base);
                if is_now || history.is_none_or(|history| !history.contains(&base)) {
                    let resolution = Resolution::Indexed(base);
                    self.resolutions.push(resolution.clone());
                    self.snapshot.resolve(self.resolutions.len() as u64, resolution);
                }
            }
        }
    }
}

/// The contents of `tag` that a ban of it covers.
fn covered(site: &Site, active: &ActiveBan, tag: usize) -> BTreeSet<Digest> {
    let history = &site.pushed[tag];
    let fixed = active.fixed_by.as_ref();
    let until = history.iter().position(|content| Some(&digest(content)) == fixed).unwrap_or(history.len());
    history[..until].iter().map(|content| digest(content)).collect()
}

proptest! {
    #[test]
    fn what_is_denied_once_stays_denied_in_every_interleaving(steps in steps(), order_first in prop::collection::vec(any::<bool>(), 48)) {
        let site = Site::of(&steps);
        let (mut orders, mut resolutions) = (site.orders.iter(), (1..).zip(&site.resolutions));
        let mut snapshot = Snapshot::default();
        let mut held: BTreeMap<(Sequence, Option<Digest>), BTreeSet<Digest>> = BTreeMap::new();
        let mut picks = order_first.into_iter().chain(std::iter::repeat(true));
        loop {
            let is_order = picks.next().unwrap_or(true);
            let read_order = |snapshot: &mut Snapshot, orders: &mut std::slice::Iter<'_, OrderRecord>| {
                orders.next().map(|order| drop(snapshot.apply(order)))
            };
            let mut read_resolution = |snapshot: &mut Snapshot| {
                resolutions.next().map(|(sequence, resolution)| snapshot.resolve(sequence, resolution.clone()))
            };
            let read = if is_order {
                read_order(&mut snapshot, &mut orders).or_else(|| read_resolution(&mut snapshot))
            } else {
                read_resolution(&mut snapshot).or_else(|| read_order(&mut snapshot, &mut orders))
            };
            if read.is_none() {
                break;
            }
            for active in snapshot.bans() {
                let digests = snapshot.coverage(active).digests.clone();
                let before = held.entry((active.record.sequence, active.fixed_by.clone())).or_default();
                prop_assert!(before.is_subset(&digests), "{active:?} covered {before:?} and covers {digests:?}");
                *before = digests;
            }
        }
        prop_assert_eq!(&snapshot, &site.snapshot);
        for active in snapshot.bans() {
            let BanTarget::Tag(_, name) = &active.ban.target else { continue };
            let tag = if name.as_str() == "1" { 0 } else { 1 };
            let coverage = snapshot.coverage(active);
            prop_assert_eq!(&coverage.digests, &covered(&site, active, tag), "{:?}", active);
            for content in CONTENTS {
                let denied = coverage.digests.contains(&digest(content));
                prop_assert!(!denied || is_denied(&snapshot, &image(&[], content)));
            }
        }
    }
}
