//! The state at its boundary: messages and answers in, facts and questions out; the facts are heard again, as they would be.

mod spread;

use std::collections::VecDeque;

use artifact::{Digest, Platform};
use events::{
    Event, Subject,
    fact::{ImageInstance, ImagePushed, ImageRestored},
    order,
};
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;

const START: OffsetDateTime = datetime!(2026-11-25 12:00 UTC);

/// A state with streams of its own: what it says is stored and heard, like everybody else's facts.
struct World {
    state: State,
    now: OffsetDateTime,
    stored: Vec<Record>,
    questions: BTreeSet<Question>,
    said: Vec<(&'static str, Value)>,
    /// Facts about covered images that are on their way, where they take their time.
    late: Option<Vec<(Subject, Vec<u8>)>>,
    /// Whether the invalidator is away: what is stored meanwhile is heard after its restart.
    is_away: bool,
    /// How many facts are on their way to being heard at any time.
    echo: usize,
    on_the_way: VecDeque<(StreamName, Subject, Vec<u8>)>,
    _folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut world = Self {
            state: State::new(Index::open(folder.path()).unwrap()),
            now: START,
            stored: Vec::new(),
            questions: BTreeSet::new(),
            said: Vec::new(),
            late: None,
            is_away: false,
            echo: 0,
            on_the_way: VecDeque::new(),
            _folder: folder,
        };
        let reaction = world.state.catch_up(START).unwrap();
        world.take(reaction);
        world
    }

    fn order(&mut self, kind: &str, body: Value) -> Sequence {
        let subject = Subject::of(kind, &["alice".to_owned()]);
        Sequence(self.store(StreamName::Orders, subject, body.to_string().into_bytes()))
    }

    fn ban(&mut self, image: &str, more: Value) -> Sequence {
        let mut body = json!({"image": image, "reason": "r"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.order(order::BANNED, body)
    }

    fn push(&mut self, name: &str, layers: &[&str]) {
        let image = image(name, layers);
        self.store(StreamName::Images, image.subject(), image.encode());
    }

    /// Stores a message, has it heard, and everything that is said because of it.
    fn store(&mut self, stream: StreamName, subject: Subject, body: Vec<u8>) -> u64 {
        let sequence = self.stored.iter().filter(|record| record.stream == stream).count() as u64 + 1;
        let record = Record::new(stream, subject, sequence, self.now, body);
        self.stored.push(record.clone());
        if self.is_away {
            return sequence;
        }
        let reaction = self.state.hear(&record, self.now).unwrap();
        self.take(reaction);
        let reaction = self.state.flush().unwrap();
        self.take(reaction);
        sequence
    }

    /// The invalidator starts again, from the streams alone.
    fn restart(&mut self) {
        // What was published is stored.
        self.is_away = true;
        self.hear_all();
        let folder = tempfile::tempdir().unwrap();
        self.state = State::new(Index::open(folder.path()).unwrap());
        self._folder = folder;
        self.is_away = false;
        for record in self.stored.clone() {
            self.state.hear(&record, self.now).unwrap();
        }
        let reaction = self.state.catch_up(self.now).unwrap();
        self.take(reaction);
    }

    /// Whether an image with these layers is denied whatever it is called.
    fn is_denied(&self, layers: &[&str]) -> bool {
        let facts = image("r.io/any:1", layers).facts().next().unwrap();
        let facts = artifact::ImageFacts { references: Vec::new(), ..facts };
        let verdict = verdict::decide(&self.state.snapshot, &facts, verdict::Door::Start, self.now);
        matches!(verdict.rule, verdict::Rule::Banned(_))
    }

    fn take(&mut self, reaction: Reaction) {
        self.questions.extend(reaction.questions);
        for dropped in &reaction.dropped {
            assert!(self.questions.remove(dropped), "{dropped:?} was not asked");
        }
        let facts: Vec<_> = reaction
            .facts
            .facts()
            .map(|(kind, subject, body)| (kind, subject.clone(), body.to_owned()))
            .collect();
        for (kind, subject, body) in facts {
            self.said.push((kind, serde_json::from_slice(&body).unwrap()));
            if let Some(late) = self.late.as_mut().filter(|_| kind == ImageInvalidated::KIND) {
                late.push((subject, body));
                continue;
            }
            let stream = events::catalogue().into_iter().find(|entry| entry.kind == kind).unwrap().stream;
            if self.echo == 0 {
                self.store(stream, subject, body);
            } else {
                self.on_the_way.push_back((stream, subject, body));
            }
        }
        while self.on_the_way.len() > self.echo {
            let Some((stream, subject, body)) = self.on_the_way.pop_front() else { return };
            self.store(stream, subject, body);
        }
    }

    /// Everything that is on its way is heard, and whatever follows from that.
    fn hear_all(&mut self) {
        while let Some((stream, subject, body)) = self.on_the_way.pop_front() {
            self.store(stream, subject, body);
        }
    }

    /// What was on its way arrives.
    fn arrive(&mut self) {
        for (subject, body) in self.late.take().unwrap() {
            self.store(StreamName::Images, subject, body);
        }
    }

    fn pass(&mut self, now: OffsetDateTime) {
        self.now = now;
        let reaction = self.state.pass_time(now).unwrap();
        self.take(reaction);
    }

    /// What was said of an order's outcome.
    fn said_of(&self, order: Sequence) -> Vec<&Value> {
        let about = |body: &&Value| body["order"].as_str() == Some(order.to_string().as_str());
        self.said.iter().map(|(_, body)| body).filter(about).collect()
    }

    fn restored(&self) -> Vec<String> {
        let restored = self.said.iter().filter(|(kind, _)| *kind == ImageRestored::KIND);
        restored
            .map(|(_, body)| format!("{} {}", body["ban"], body["repository"].as_str().unwrap()))
            .collect()
    }
}

/// What copies from the images in `from` make of `name`.
fn build(name: &str, layers: &[&str], from: &[&ImagePushed]) -> BuildFinished {
    let image = image(name, layers);
    let inputs: Vec<Value> = from
        .iter()
        .map(|from| json!({"role": "copy", "used": from.repository.at_digest(from.digest.clone()).to_string()}))
        .collect();
    let body = json!({
        "build": "1", "project": image.repository.path().replace('/', "-"), "commit": "c", "image": image.reference().to_string(),
        "digest": image.digest.as_str(), "outcome": "published", "inputs": inputs,
    });
    BuildFinished::decode(body.to_string().as_bytes()).unwrap()
}

fn image(name: &str, layers: &[&str]) -> ImagePushed {
    let reference: artifact::ImageRef = name.parse().unwrap();
    let digest = Digest::of(layers.join(",").as_bytes());
    ImagePushed {
        repository: reference.repository().clone(),
        tag: reference.tag().cloned(),
        digest: digest.clone(),
        instances: vec![ImageInstance {
            digest,
            platform: None::<Platform>,
            config_digest: Digest::of(format!("config {}", layers.join(",")).as_bytes()),
            layers: layers.iter().map(|layer| Digest::of(layer.as_bytes()).into()).collect(),
            claimed_base: None,
        }],
    }
}

/// Two bases of one root, and an image on the upper one.
fn site() -> World {
    let mut world = World::new();
    world.push("r.io/os:1", &["a"]);
    world.push("r.io/os:2", &["a", "b"]);
    world.push("r.io/app:1", &["a", "b", "c"]);
    world
}

#[test]
fn a_lift_restores_exactly_what_no_other_ban_covers() {
    let mut world = site();
    let lower = world.ban("r.io/os:1", json!({}));
    let upper = world.ban("r.io/os:2", json!({}));
    world.order(order::LIFTED, json!({"ban": lower.0, "reason": "r"}));
    assert_eq!(world.restored(), ["\"1\" r.io/os"], "os:1 alone stands on no other banned layer");
    world.order(order::LIFTED, json!({"ban": upper.0, "reason": "r"}));
    let rest = ["\"1\" r.io/os", "\"1\" r.io/app", "\"2\" r.io/os", "\"2\" r.io/app"];
    assert_eq!(world.restored()[1..], rest, "both bans are over for both images");
}

#[test]
fn what_is_heard_to_be_covered_after_the_lift_is_restored_all_the_same() {
    let mut world = site();
    world.late = Some(Vec::new());
    let lower = world.ban("r.io/os:1", json!({}));
    let upper = world.ban("r.io/os:2", json!({}));
    world.order(order::LIFTED, json!({"ban": lower.0, "reason": "r"}));
    assert!(world.restored().is_empty());
    world.arrive();
    assert_eq!(world.restored(), ["\"1\" r.io/os"], "os:1 alone stands on no other banned layer");
    world.late = Some(Vec::new());
    world.push("r.io/app:2", &["a", "b", "d"]);
    world.order(order::LIFTED, json!({"ban": upper.0, "reason": "r"}));
    world.arrive();
    assert!(world.state.index.marking().unwrap().is_empty(), "{:?}", world.restored());
}

/// A tag is banned and moves while the invalidator is away, and once more when it is back.
#[track_caller]
fn check_moved(is_catalogued: bool, is_banned_before: bool) {
    let mut world = World::new();
    if is_catalogued {
        let bases = json!({"section": "bases", "bases": [{"repository": "r.io/os", "current": "1"}]});
        world.order(order::CATALOG, bases);
    }
    let ban = |world: &mut World| world.ban("r.io/os:1", json!({"severity": "critical"}));
    world.push("r.io/os:1", &["a"]);
    if is_banned_before {
        ban(&mut world);
    }
    world.is_away = true;
    if !is_banned_before {
        ban(&mut world);
    }
    world.push("r.io/os:1", &["b"]);
    world.restart();
    world.push("r.io/os:1", &["c"]);
    for layers in [["a", "app"], ["b", "app"], ["c", "app"]] {
        assert!(
            world.is_denied(&layers),
            "{layers:?}, catalogued: {is_catalogued}, banned before: {is_banned_before}"
        );
    }
    world.order(order::LIFTED, json!({"image": "r.io/os:1", "reason": "r"}));
    assert!(!world.is_denied(&["a", "app"]) && !world.is_denied(&["c", "app"]));
}

#[test]
fn a_banned_tag_that_moved_while_nobody_looked_keeps_all_its_digests() {
    for (is_catalogued, is_banned_before) in [(true, false), (true, true), (false, false), (false, true)] {
        check_moved(is_catalogued, is_banned_before);
    }
}

#[test]
fn a_catalogued_base_that_moved_while_nobody_looked_is_known_with_all_its_digests() {
    let mut world = World::new();
    world.push("r.io/os:1", &["a"]);
    let bases = json!({"section": "bases", "bases": [{"repository": "r.io/os", "current": "1"}]});
    world.order(order::CATALOG, bases);
    world.is_away = true;
    world.push("r.io/os:1", &["b"]);
    world.push("r.io/os:1", &["c"]);
    world.restart();
    // The ban means all of them before anything else is said of it.
    world.is_away = true;
    let ban = world.ban("r.io/os:1", json!({}));
    let stored = world.stored.last().unwrap().clone();
    events::fold(&mut world.state.snapshot, stored.stream, &stored.subject, ban.0, stored.at, &stored.body);
    for layers in [["a", "app"], ["b", "app"], ["c", "app"]] {
        assert!(world.is_denied(&layers), "{layers:?}");
    }
}

#[test]
fn a_ban_that_ends_by_itself_restores_once() {
    let mut world = site();
    let end = START + time::Duration::hours(1);
    world.ban("r.io/os:2", json!({"expires": "2026-11-25T13:00:00Z"}));
    assert_eq!(world.state.next_expiry(), Some(end));
    world.pass(end - time::Duration::SECOND);
    assert!(world.restored().is_empty());
    world.pass(end);
    assert_eq!(world.restored().len(), 2);
    assert_eq!(world.state.next_expiry(), None);
    world.pass(end + time::Duration::HOUR);
    assert_eq!(world.restored().len(), 2, "time passing again says nothing again");
    world.push("r.io/late:1", &["a", "b", "d"]);
    assert!(world.said.iter().all(|(_, body)| body["repository"] != "r.io/late"), "{:?}", world.said);
}

#[test]
fn a_ban_that_ended_while_nobody_listened_restores_at_the_start() {
    let mut world = site();
    world.ban("r.io/os:2", json!({"expires": "2026-11-25T13:00:00Z"}));
    let mut later = State::new(Index::open(tempfile::tempdir().unwrap().path()).unwrap());
    let now = START + time::Duration::days(1);
    for record in &world.stored {
        later.hear(record, now).unwrap();
    }
    let reaction = later.catch_up(now).unwrap();
    let kinds: Vec<_> = reaction.facts.facts().map(|(kind, ..)| kind).collect();
    assert_eq!(kinds, [ImageRestored::KIND, ImageRestored::KIND]);
}

#[test]
fn nobody_goes_on_asking_for_a_ban_that_is_over() {
    let mut world = World::new();
    let unknown = world.ban("r.io/gone:1", json!({}));
    let brief = world.ban("r.io/gone:2", json!({"expires": "2026-11-25T13:00:00Z"}));
    assert_eq!(world.questions.len(), 2);
    let question = Question::Ban(unknown, "r.io/gone:1".parse().unwrap());
    world.state.troubled(question, "404".to_owned());
    assert_eq!((world.state.trouble(unknown), world.state.trouble(brief)), (Some("404"), None));
    world.order(order::LIFTED, json!({"ban": unknown.0, "reason": "r"}));
    assert_eq!((world.questions.len(), world.state.trouble(unknown)), (1, None));
    world.pass(START + time::Duration::HOUR);
    assert!(world.questions.is_empty());
}

#[test]
fn what_leaves_the_catalog_is_asked_for_no_more() {
    let mut world = World::new();
    let bases =
        |current: &str| json!({"section": "bases", "bases": [{"repository": "r.io/os", "current": current}]});
    world.order(order::CATALOG, bases("1"));
    world.order(order::CATALOG, bases("2"));
    assert_eq!(world.questions, [Question::Base("r.io/os:2".parse().unwrap())].into());
}

#[test]
fn messages_delivered_twice_say_nothing_twice() {
    let mut world = site();
    world.ban("r.io/os:2", json!({}));
    let said = world.said.len();
    for record in world.stored.clone() {
        let reaction = world.state.hear(&record, world.now).unwrap();
        let again: Vec<_> = reaction.facts.facts().map(|(kind, ..)| kind).collect();
        assert_eq!(again, Vec::<&str>::new(), "{}", record.subject);
    }
    assert_eq!(world.said.len(), said);
}

type Wanted = fn(StreamName) -> bool;

#[test]
fn orders_and_resolutions_interleave_in_any_way() {
    let mut world = site();
    let lower = world.ban("r.io/os:1", json!({}));
    world.ban("r.io/os:2", json!({}));
    world.order(order::LIFTED, json!({"ban": lower.0, "reason": "r"}));
    let of = |wanted: Wanted| world.stored.iter().filter(move |record| wanted(record.stream));
    let authority = |stream| matches!(stream, StreamName::Orders);
    let resolutions = |stream| matches!(stream, StreamName::Resolutions);
    let rest = |stream| !matches!(stream, StreamName::Orders | StreamName::Resolutions);
    let orders: [[Wanted; 3]; 3] =
        [[authority, resolutions, rest], [resolutions, rest, authority], [rest, authority, resolutions]];
    for parts in orders {
        let folder = tempfile::tempdir().unwrap();
        let mut state = State::new(Index::open(folder.path()).unwrap());
        for record in parts.into_iter().flat_map(of) {
            state.hear(record, world.now).unwrap();
        }
        let reaction = state.catch_up(world.now).unwrap();
        assert_eq!(state.snapshot, world.state.snapshot);
        assert_eq!(reaction.facts.facts().count(), 0, "{:?}", reaction.facts);
    }
}

const MODULE: &str = r#"{"file": "p.rego", "text": "package main"}"#;

fn policy(modules: &str) -> Value {
    serde_json::from_str(&format!(r#"{{"name": "p", "modules": [{modules}]}}"#)).unwrap()
}

#[test]
fn a_policy_is_answered_when_its_modules_are_compiled_and_not_before() {
    let mut world = World::new();
    let order = world.order(order::POLICY, policy(MODULE));
    assert!(world.said_of(order).is_empty(), "{:?}", world.said);
    let reaction = world.state.compiled(order, Err("p.rego:4:5: unexpected `}`".to_owned()));
    world.take(reaction);
    let said = world.said_of(order);
    assert!(said.len() == 1 && said[0].to_string().contains("p.rego:4:5"), "{said:?}");
    assert!(world.state.snapshot.policy(&"p".parse().unwrap()).is_none());
    let order = world.order(order::POLICY, policy(MODULE));
    let reaction = world.state.compiled(order, Ok(()));
    world.take(reaction);
    assert_eq!(world.state.snapshot.policy(&"p".parse().unwrap()).unwrap().revision, order);
    // Whatever comes twice is said once.
    let again = world.state.compiled(order, Ok(()));
    assert!(again.facts.is_empty());
}

#[test]
fn a_policy_without_modules_is_answered_at_once() {
    let mut world = World::new();
    let order = world.order(order::POLICY, policy(""));
    assert_eq!(world.said_of(order).len(), 1);
}

#[test]
fn a_policy_that_a_predecessor_left_unanswered_is_compiled_again() {
    let mut world = World::new();
    let order = world.order(order::POLICY, policy(MODULE));
    let folder = tempfile::tempdir().unwrap();
    let mut state = State::new(Index::open(folder.path()).unwrap());
    for record in &world.stored {
        assert!(state.hear(record, START).unwrap().compilations.is_empty());
    }
    let asked: Vec<_> = state.catch_up(START).unwrap().compilations.iter().map(|asked| asked.order).collect();
    assert_eq!(asked, [order]);
}

/// Bans that an earlier version accepted, each with a reason longer than is taken today.
fn with_long_bans(count: u64, reason_bytes: usize) -> World {
    let mut world = site();
    for number in 1..=count {
        let accepted = OrderAccepted {
            order: Sequence(number),
            operator: "alice".to_owned(),
            changed: true,
            kind: order::BANNED.to_owned(),
        };
        world.store(StreamName::Resolutions, accepted.subject(), accepted.encode());
        world.ban(&format!("r.io/os:{number}"), json!({"reason": "x".repeat(reason_bytes)}));
    }
    world
}

#[test]
fn answers_fit_into_a_message_whatever_was_ordered() {
    // What the broker takes.
    let most = 1 << 20;
    let world = with_long_bans(2, 900_000);
    let why = crate::answers::why(&world.state, "r.io/app:1", world.now).unwrap();
    assert!(why.reason.starts_with("xxx") && why.verdict.ban.is_some(), "{why:?}");
    assert!(events::Body::encode(why).len() < most);
    let mut world = with_long_bans(900, 5_000);
    for _ in 0..1200 {
        world.order(order::LIFTED, json!({"ban": 77_777, "reason": "r"}));
    }
    let status = crate::answers::status(&world.state, world.now).unwrap();
    assert_eq!(status.bans.len() + status.untold_bans as usize, 900);
    assert_eq!(status.rejected.len() + status.untold_rejected as usize, 1200);
    assert!(status.bans.len() > 100 && status.rejected.len() > 100, "{}", status.bans.len());
    assert!(events::Body::encode(status).len() < most);
}

#[test]
fn a_policy_that_was_removed_is_not_listed() {
    let mut world = World::new();
    let listed = |world: &World| crate::answers::status(&world.state, world.now).unwrap().policies.len();
    world.order(order::POLICY, json!({"name": "p", "failOn": "warning"}));
    assert_eq!(listed(&world), 1);
    world.order(order::POLICY, json!({"name": "p"}));
    assert_eq!(listed(&world), 0);
}
