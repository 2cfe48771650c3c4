//! Scans of small definitions under small catalogs.

use verdict::{
    Door, Mode, Order, OrderRecord, Resolution, Sequence,
    order::{Base, CatalogSection, Hold, Policy as OrderedPolicy, Project, Silencing},
};

use super::{catalog::KEPT, *};

fn snapshot(mode: Mode) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let base = Base {
        outdated: vec!["<=10.4.8".parse().unwrap()],
        ..Base::new("r.io/base/os".parse().unwrap(), "10.4.9".parse().unwrap())
    };
    let hold = Hold {
        project: "shop".parse().unwrap(),
        image: "r.io/base/os:10.4.6".parse().unwrap(),
        reason: "a driver".to_owned(),
        ticket: "OPS-1".to_owned(),
        expires: OffsetDateTime::UNIX_EPOCH + time::Duration::DAY,
    };
    let project = Project {
        name: "shop".parse().unwrap(),
        source: "git://host/shop".to_owned(),
        branch: "main".to_owned(),
        definition: "Dockerfile".to_owned(),
        image: "r.io/shop/web:1".parse().unwrap(),
        policy: "strict".parse().ok(),
        webhook: None,
    };
    let strict = OrderedPolicy {
        name: "strict".parse().unwrap(),
        fail_on: None,
        deny: vec!["DL3004".to_owned(), "InvalidBaseImagePlatform".to_owned()],
        ignore: vec![],
        rego: None,
        projects: vec![],
        silencing: Silencing::Heard,
    };
    let orders = [
        Order::Catalog(CatalogSection::Bases(vec![base])),
        Order::Catalog(CatalogSection::Doors([(Door::From, mode)].into())),
        Order::Catalog(CatalogSection::Holds(vec![hold])),
        Order::Policy(strict),
        Order::Project(project),
    ];
    for (sequence, order) in (1..).zip(orders) {
        let record = OrderRecord {
            sequence: Sequence(sequence),
            operator: "alice".parse().unwrap(),
            at: OffsetDateTime::UNIX_EPOCH,
            order,
        };
        snapshot.apply(&record);
        snapshot.resolve(sequence, Resolution::Accepted(Sequence(sequence)));
    }
    snapshot
}

/// A catalog that has this base, and nothing else.
fn doors(mode: Mode) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let base = Base::new("r.io/base/os".parse().unwrap(), "10.4.9".parse().unwrap());
    let sections = [CatalogSection::Bases(vec![base]), CatalogSection::Doors([(Door::From, mode)].into())];
    for (sequence, section) in (1..).map(Sequence).zip(sections) {
        let (operator, at) = ("alice".parse().unwrap(), OffsetDateTime::UNIX_EPOCH);
        snapshot.apply(&OrderRecord { sequence, operator, at, order: Order::Catalog(section) });
    }
    snapshot
}

fn scanned(mode: Mode, text: &str) -> ScanReply {
    let request =
        ScanRequest { definition: text.to_owned(), project: "shop".parse().ok(), ..ScanRequest::default() };
    scan(&snapshot(mode), &request, OffsetDateTime::UNIX_EPOCH)
}

#[track_caller]
fn check(mode: Mode, text: &str, refused: bool, choices: &[&str]) {
    let reply = scanned(mode, text);
    let found: Vec<_> = reply.uses.iter().map(|image_use| image_use.choice.as_str()).collect();
    assert_eq!((reply.refused, found.as_slice()), (refused, choices), "{:?}", reply.findings);
}

#[test]
fn an_enforcing_door_keeps_replaces_and_refuses() {
    check(Mode::Enforce, "FROM r.io/base/os:10.4.9\n", false, &["keep"]);
    check(Mode::Enforce, "FROM r.io/base/os:10.4.8\n", false, &["replace"]);
    check(Mode::Enforce, "FROM evil.io/os:1\n", true, &["refuse"]);
    check(
        Mode::Enforce,
        "FROM r.io/base/os:10.4.9 AS a\nFROM a\nCOPY --from=evil.io/tool:1 /x /x\n",
        true,
        &["keep", "refuse"],
    );
    check(Mode::Enforce, "ARG TAG\nFROM r.io/base/os:$TAG\n", true, &["refuse"]);
    check(Mode::Enforce, "ARG TAG=10.4.8\nFROM r.io/base/os:$TAG\n", false, &["replace"]);
}

#[test]
fn a_door_that_observes_changes_nothing_and_says_what_it_would_do() {
    check(Mode::Observe, "FROM r.io/base/os:10.4.8\n", false, &["keep"]);
    check(Mode::Observe, "FROM evil.io/os:1\n", false, &["keep"]);
    let reply = scanned(Mode::Observe, "FROM evil.io/os:1\n");
    assert!(reply.findings.iter().any(|finding| finding.code == REFUSED && finding.level == "info"));
}

#[test]
fn a_refusal_names_line_rule_and_nearest_base() {
    let reply = scanned(Mode::Enforce, "# a comment\nFROM evil.io/os:1\n");
    let finding = reply.findings.iter().find(|finding| finding.code == REFUSED).unwrap();
    assert_eq!(finding.line, 2);
    for part in ["r.io/base/os:10.4.9", "no rule of the catalog", "exception"] {
        assert!(finding.message.contains(part), "{part} is missing in: {}", finding.message);
    }
    assert_eq!(reply.uses[0].nearest, "r.io/base/os:10.4.9".parse().ok());
}

#[test]
fn an_answer_names_the_rule() {
    let rule = |text: &str| scanned(Mode::Enforce, text).uses[0].rule.clone();
    assert_eq!(rule("FROM r.io/base/os:10.4.9\n"), "catalog entry r.io/base/os, current");
    assert_eq!(rule("FROM r.io/base/os:10.4.8\n"), "catalog entry r.io/base/os, outdated <=10.4.8");
    assert!(rule("FROM r.io/base/os:10.4.6\n").contains("OPS-1"));
}

#[test]
fn what_cannot_be_rewritten_is_told_with_its_line() {
    let text = "ARG V=10.4.8\nFROM r.io/base/os:$V AS x\nFROM r.io/shop/web:$V\n";
    check(Mode::Enforce, text, true, &["replace", "keep"]);
    let reply = scanned(Mode::Enforce, text);
    let finding = reply.findings.iter().find(|finding| finding.code == REFUSED).unwrap();
    assert!(finding.line == 2 && finding.message.contains("ARG V"), "{}", finding.message);
    check(Mode::Observe, text, false, &["keep", "keep"]);
}

#[test]
fn a_hold_is_kept_and_told() {
    check(Mode::Enforce, "FROM r.io/base/os:10.4.6\n", false, &["keep"]);
    let reply = scanned(Mode::Enforce, "FROM r.io/base/os:10.4.6\n");
    assert!(reply.findings.iter().any(|finding| finding.code == KEPT && finding.level == "info"));
}

#[test]
fn the_projects_policy_holds() {
    let text = "FROM r.io/base/os:10.4.9\nRUN sudo true\n";
    let reply = scanned(Mode::Enforce, text);
    assert!(reply.refused);
    assert!(reply.findings.iter().any(|finding| finding.code == "DL3004" && finding.line == 2));
}

/// An order that the invalidator accepted and that cannot be read here: nobody knows what it says.
#[test]
fn a_snapshot_that_is_behind_refuses_where_anything_does() {
    let text = "FROM r.io/base/os:10.4.9\n";
    let request =
        ScanRequest { definition: text.to_owned(), project: "shop".parse().ok(), ..ScanRequest::default() };
    for (mode, policies, refused, level) in [
        (Mode::Enforce, true, true, "error"),
        (Mode::Observe, true, true, "error"),
        (Mode::Warn, false, false, "info"),
        (Mode::Observe, false, false, "info"),
        (Mode::Enforce, false, true, "error"),
    ] {
        let mut snapshot = if policies { snapshot(mode) } else { doors(mode) };
        let next = snapshot.as_of().orders + 1;
        snapshot.apply_malformed(Sequence(next), "unknown field `newer`".to_owned());
        assert!(
            !scan(&snapshot, &request, OffsetDateTime::UNIX_EPOCH)
                .findings
                .iter()
                .any(|found| found.code == "PL4001")
        );
        snapshot.resolve(snapshot.as_of().resolutions + 1, Resolution::Accepted(Sequence(next)));
        let reply = scan(&snapshot, &request, OffsetDateTime::UNIX_EPOCH);
        let finding = reply.findings.iter().find(|found| found.code == "PL4001").unwrap();
        assert_eq!((reply.refused, finding.level.as_str()), (refused, level), "{mode:?}");
    }
}

#[test]
fn what_is_no_dockerfile_is_refused_with_its_line() {
    let reply = scanned(Mode::Observe, "FROM r.io/base/os:10.4.9\nFLY away\n");
    assert!(reply.refused);
    assert_eq!((reply.findings[0].code.as_str(), reply.findings[0].line), (UNREADABLE, 2));
}

#[test]
fn what_another_builder_reads_otherwise_is_refused() {
    let hidden = "# check=skip=none\n# escape=`\nFROM r.io/base/os:10.4.9\nRUN echo `\nFROM evil.io/x:1\n";
    for text in [hidden, "FROM r.io/base/os:10.4.9\nRUN <<E\nFROM evil.io/x:1\nE\n"] {
        for mode in [Mode::Observe, Mode::Enforce] {
            let reply = scanned(mode, text);
            assert!(reply.refused, "{text}");
            assert!(reply.findings.iter().any(|finding| finding.code == "PL2004"), "{:?}", reply.findings);
        }
    }
}

#[test]
fn a_base_for_another_platform_is_found_once_it_is_known() {
    let found = |platforms: &[&str]| {
        let base = KnownBase {
            image: "r.io/base/os:10.4.9".parse().unwrap(),
            triggers: Vec::new(),
            platforms: platforms.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let request = ScanRequest {
            definition: "ARG OS=os\nFROM r.io/base/${OS}:10.4.9\nUSER app\n".to_owned(),
            project: "shop".parse().ok(),
            platform: "linux/amd64".parse().ok(),
            bases: vec![base],
            ..ScanRequest::default()
        };
        let reply = scan(&snapshot(Mode::Enforce), &request, OffsetDateTime::UNIX_EPOCH);
        let told = reply.findings.iter().find(|finding| finding.code == "InvalidBaseImagePlatform");
        assert_eq!(reply.refused, told.is_some(), "{:?}", reply.findings);
        told.map(|finding| finding.line)
    };
    assert_eq!(found(&["linux/arm64/v8", "linux/s390x"]), Some(2));
    assert_eq!(found(&["linux/arm64/v8", "linux/amd64"]), None);
    assert_eq!(found(&[]), None);
}

#[test]
fn triggers_beyond_all_measure_are_not_followed() {
    let brought = |stages: usize, triggers: usize| {
        let base = KnownBase {
            image: "r.io/base/os:10.4.9".parse().unwrap(),
            triggers: vec!["COPY --from=evil.io/x:1 / /".to_owned(); triggers],
            platforms: Vec::new(),
        };
        let request = ScanRequest {
            definition: "FROM r.io/base/os:10.4.9\n".repeat(stages),
            bases: vec![base],
            ..ScanRequest::default()
        };
        scan(&snapshot(Mode::Enforce), &request, OffsetDateTime::UNIX_EPOCH)
    };
    let followed = brought(2, 3);
    assert_eq!(followed.uses.len(), 8, "each stage brings them in");
    assert!(followed.refused);
    let reply = brought(500, 500);
    assert!(reply.refused);
    assert_eq!(reply.uses.len(), 500);
    assert!(reply.findings.iter().any(|finding| finding.message.contains("250000 triggers")));
}
