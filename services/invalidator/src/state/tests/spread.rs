//! What is found one image at a time is what is found by looking at everything, and it is published once.

use events::{
    fact::{BuildFinished, ImageInvalidated},
    resolution::BanResolved,
};
use proptest::prelude::*;

use super::*;

/// Layers of images that stand on each other, or do not.
const CONTENTS: [&[&str]; 8] =
    [&["a"], &["a", "b"], &["c"], &["a", "x"], &["c", "y"], &["t"], &["t", "u"], &["v"]];
const NAMES: [&str; 5] = ["r.io/os:1", "r.io/os:2", "r.io/app:1", "r.io/tool:1", "r.io/tool:2"];

#[derive(Debug, Clone)]
enum Step {
    Push(usize, usize),
    /// The image with these contents copies from the one with those.
    Build(usize, usize),
    BanTag(usize),
    BanDigest(usize),
    Lift(usize),
    Fixed(usize, usize),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (name, content) = (|| 0..NAMES.len(), || 0..CONTENTS.len());
    let step = prop_oneof![
        8 => (name(), content()).prop_map(|(name, content)| Step::Push(name, content)),
        6 => (content(), content()).prop_map(|(made, from)| Step::Build(made, from)),
        3 => name().prop_map(Step::BanTag),
        1 => content().prop_map(Step::BanDigest),
        1 => name().prop_map(Step::Lift),
        1 => (name(), content()).prop_map(|(name, content)| Step::Fixed(name, content)),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..30)
}

impl World {
    fn step(&mut self, step: &Step) {
        match *step {
            Step::Push(name, content) => self.push(NAMES[name], CONTENTS[content]),
            Step::Build(made, from) => {
                // One repository has them all, so that an image is where its build says.
                for repository in ["r.io/os:1", "r.io/app:1", "r.io/tool:1"] {
                    let from = image("r.io/tool:1", CONTENTS[from]);
                    self.built(&build(repository, CONTENTS[made], &[&from]));
                }
            }
            Step::BanTag(name) => drop(self.ban(NAMES[name], json!({}))),
            Step::BanDigest(content) => {
                let digest = image(NAMES[0], CONTENTS[content]).digest;
                self.ban(&format!("r.io/os@{digest}"), json!({}));
            }
            Step::Lift(name) => {
                self.order(order::LIFTED, json!({"image": NAMES[name], "reason": "r"}));
            }
            Step::Fixed(name, content) => {
                let digest = image(NAMES[name], CONTENTS[content]).digest;
                self.order(
                    order::FIXED,
                    json!({"image": NAMES[name], "digest": digest.as_str(), "reason": "r"}),
                );
            }
            Step::Restart => self.restart(),
        }
    }

    fn built(&mut self, build: &BuildFinished) {
        self.store(StreamName::Builds, build.subject(), build.clone().encode());
    }

    fn of(&self, kind: &str) -> Vec<&Value> {
        self.said.iter().filter(|(said, _)| *said == kind).map(|(_, body)| body).collect()
    }

    /// What each ban covers, as gates have it.
    fn coverages(&self) -> Vec<verdict::snapshot::Coverage> {
        self.state.snapshot.bans().map(|ban| (*self.state.snapshot.coverage(ban)).clone()).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn one_image_at_a_time_finds_what_looking_at_everything_finds(steps in steps(), echo in 0usize..6) {
        let mut world = World::new();
        world.echo = echo;
        for step in &steps {
            world.step(step);
        }
        world.hear_all();
        let said = world.said.len();
        world.restart();
        world.hear_all();
        let more: Vec<_> = world.said[said..].iter().filter(|(kind, _)| *kind != ImageRestored::KIND).collect();
        prop_assert!(more.is_empty(), "a restart finds more: {more:?}");

        // From the orders, the images and the builds alone.
        let mut anew = World::new();
        anew.is_away = true;
        let primary = |record: &&Record| {
            let kind = record.subject.split_kind().map(|(kind, _)| kind);
            matches!(record.stream, StreamName::Orders | StreamName::Builds)
                || kind == Some(ImagePushed::KIND)
        };
        for record in world.stored.iter().filter(primary) {
            anew.store(record.stream, record.subject.clone(), record.body.clone());
        }
        anew.restart();
        prop_assert_eq!(world.coverages(), anew.coverages());
    }
}

/// How many resolutions, and how many bytes of them, so many images take that copy from a banned one and are built and pushed one after the other.
fn copies(count: usize) -> (usize, usize) {
    let mut world = World::new();
    // Some facts are always on their way.
    world.echo = 12;
    let tool = image("r.io/tool:1", &["t"]);
    world.push("r.io/tool:1", &["t"]);
    world.ban("r.io/tool:1", json!({}));
    for number in 0..count {
        let (name, layer) = (format!("r.io/app-{number}:1"), format!("layer {number}"));
        world.built(&build(&name, &[&layer], &[&tool]));
        world.push(&name, &[&layer]);
        world.push(&name, &[&layer]);
    }
    world.hear_all();
    assert_eq!(world.of(ImageInvalidated::KIND).len(), count + 1);
    let resolutions = world.of(BanResolved::KIND);
    (resolutions.len(), resolutions.iter().map(|body| body.to_string().len()).sum())
}

#[test]
fn what_is_covered_takes_messages_and_bytes_in_proportion() {
    let (few, many) = (copies(20), copies(100));
    assert!(many.0 <= 102, "100 images took {} messages", many.0);
    assert!(many.1 <= few.1 * 5, "20 images took {} bytes, and 100 took {}", few.1, many.1);
    assert!(many.1 < 100 * 700, "100 images took {} bytes", many.1);
}

#[test]
fn status_names_what_a_ban_covers_and_what_is_clean_since_its_fix() {
    let mut world = World::new();
    for content in ["a", "b", "c"] {
        world.push("r.io/os:1", &[content]);
    }
    world.ban("r.io/os:1", json!({}));
    let of = |content: &str| image("r.io/os:1", &[content]).digest;
    world.order(order::FIXED, json!({"image": "r.io/os:1", "digest": of("c").as_str(), "reason": "r"}));
    let status = crate::answers::status(&world.state, world.now).unwrap();
    let ban = &status.bans[0];
    assert_eq!((&ban.covered, ban.covered_count), (&vec![of("b"), of("a")], 2));
    assert_eq!((&ban.cleared, ban.cleared_count), (&vec![of("c")], 1));
    assert_eq!(ban.fixed_by, Some(of("c")));
}

#[test]
fn what_is_pushed_again_says_nothing() {
    let mut world = site();
    world.ban("r.io/os:1", json!({}));
    let said = world.said.len();
    for _ in 0..3 {
        world.push("r.io/os:1", &["a"]);
        world.push("r.io/app:1", &["a", "b", "c"]);
    }
    assert_eq!(world.said.len(), said, "{:?}", &world.said[said..]);
}

#[test]
fn without_room_orders_are_answered_and_bans_are_pending_until_there_is_room() {
    let mut world = World::new();
    let tool = image("r.io/tool:1", &["t"]);
    world.push("r.io/tool:1", &["t"]);
    let known = world.ban("r.io/tool:1", json!({}));
    let is_pending = |world: &World, ban: Sequence| {
        !world.state.snapshot.coverage(world.state.snapshot.ban(ban).unwrap()).complete
    };
    assert!(!is_pending(&world, known));
    let reaction = world.state.set_room(false).unwrap();
    world.take(reaction);
    for number in 0..20 {
        let (name, layer) = (format!("r.io/app-{number}:1"), format!("layer {number}"));
        world.built(&build(&name, &[&layer], &[&tool]));
        world.push(&name, &[&layer]);
    }
    world.push("r.io/os:1", &["a"]);
    let tag = world.ban("r.io/os:1", json!({}));
    assert_eq!((world.said_of(known).len(), world.said_of(tag).len()), (1, 1), "{:?}", world.said);
    assert!(is_pending(&world, known) && is_pending(&world, tag));
    let derived = |world: &World| {
        world.of(BanResolved::KIND).iter().filter(|body| body.get("derived").is_some()).count()
    };
    assert_eq!(derived(&world), 0);
    assert_eq!(world.of(ImageInvalidated::KIND).len(), 21, "they are rebuilt all the same");
    // The next process finds it as it was.
    world.restart();
    let reaction = world.state.set_room(true).unwrap();
    world.take(reaction);
    assert!(!is_pending(&world, known) && !is_pending(&world, tag));
    assert!(world.is_denied(&["layer 7"]) && world.is_denied(&["a", "app"]));
}
