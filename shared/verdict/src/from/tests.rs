//! The catalog at FROM.

use super::*;
use artifact::{Digest, Tag};

use crate::{
    order::{
        Ban, BasePattern, CatalogSection, Downgrades, Exception, Hold, ImagePattern, Order, Project,
        Replacement, Severity,
    },
    snapshot::{
        Outcome,
        tests::{ban, indexed, record},
    },
    version::Majors,
};

mod properties;

fn catalog() -> Snapshot {
    let mut snapshot = Snapshot::default();
    let base = Base {
        allowed: vec!["10.4.7".parse().unwrap()],
        outdated: vec!["10.4.8".parse().unwrap()],
        ..Base::new("r.io/base/os".parse().unwrap(), "10.4.9".parse().unwrap())
    };
    let other = Base { repository: "r.io/base/java".parse().unwrap(), ..base.clone() };
    snapshot.apply(&record(1, Order::Catalog(CatalogSection::Bases(vec![base, other]))));
    snapshot.apply(&record(
        2,
        Order::Project(Project {
            name: "platform".parse().unwrap(),
            source: "git://host/platform".to_owned(),
            branch: "main".to_owned(),
            definition: "Dockerfile".to_owned(),
            image: "r.io/platform/web:1".parse().unwrap(),
            policy: None,
            webhook: None,
        }),
    ));
    snapshot
}

/// What becomes of `written` in project `shop`; the rule stands in brackets.
fn shown(snapshot: &Snapshot, written: &str) -> String {
    let shop = "shop".parse().unwrap();
    let choice = choose_base(snapshot, Some(&shop), &written.parse().unwrap(), OffsetDateTime::UNIX_EPOCH);
    match choice {
        BaseChoice::Keep { .. } => "keep".to_owned(),
        BaseChoice::Replace { with, pin: Pins::AsWritten, .. } => format!("replace {with}"),
        BaseChoice::Replace { with, pin: Pins::Digest, .. } => format!("pin {with}"),
        BaseChoice::Refuse { nearest, .. } => {
            format!("refuse {}", nearest.map(|image| image.to_string()).unwrap_or_default())
        }
    }
}

#[track_caller]
fn check(snapshot: &Snapshot, written: &str, expected: &str) {
    assert_eq!(shown(snapshot, written), expected, "{written}");
}

#[track_caller]
fn rule(snapshot: &Snapshot, written: &str, expected: &str) {
    let shop = "shop".parse().unwrap();
    let choice = choose_base(snapshot, Some(&shop), &written.parse().unwrap(), OffsetDateTime::UNIX_EPOCH);
    assert_eq!(choice.rule().to_string(), expected, "{written}");
}

#[test]
fn the_catalog_decides() {
    let snapshot = catalog();
    check(&snapshot, "r.io/base/os:10.4.9", "keep");
    check(&snapshot, "r.io/base/os:10.4.7", "keep");
    check(&snapshot, "r.io/base/os:10.4.8", "replace r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:3", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/platform/web:1", "keep");
    check(&snapshot, "docker.io/base/java:1", "refuse r.io/base/java:10.4.9");
    check(&snapshot, "debian", "refuse r.io/base/os:10.4.9");
}

#[test]
fn an_empty_catalog_allows_nothing() {
    check(&Snapshot::default(), "debian:12", "refuse ");
}

#[test]
fn a_banned_replacement_gives_way_to_its_own() {
    let mut snapshot = catalog();
    let to = |image: &str| Some(image.parse().unwrap());
    let chain = [
        ("r.io/base/os:10.4.9", "r.io/base/os:10.4.7"),
        ("r.io/base/os:10.4.7", "r.io/base/java:10.4.9"),
        // What would close a circle is rejected as an order.
        ("r.io/base/java:10.4.9", "r.io/base/os:10.4.9"),
    ];
    let expected =
        ["replace r.io/base/os:10.4.7", "replace r.io/base/java:10.4.9", "replace r.io/base/java:10.4.9"];
    for ((sequence, (image, replacement)), expected) in (3..).zip(chain).zip(expected) {
        let ban = Ban { replacement: to(replacement), ..ban(image) };
        snapshot.apply(&record(sequence, Order::Ban(ban)));
        check(&snapshot, "r.io/base/os:10.4.9", expected);
    }
}

#[test]
fn a_banned_base_gets_the_bans_replacement_then_the_catalogs() {
    let mut snapshot = catalog();
    snapshot.apply(&record(3, Order::Ban(ban("r.io/base/os:10.4.7"))));
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.4.9");
    let named =
        Ban { replacement: Some("r.io/base/java:10.4.7".parse().unwrap()), ..ban("r.io/base/os:10.4.9") };
    snapshot.apply(&record(4, Order::Ban(named)));
    check(&snapshot, "r.io/base/os:10.4.9", "replace r.io/base/java:10.4.7");
    rule(&snapshot, "r.io/base/os:10.4.9", "ban 4");
    // The catalog's own current version is banned now, and is not offered any more.
    check(&snapshot, "r.io/base/os:10.4.8", "refuse r.io/base/java:10.4.9");
}

#[test]
fn a_base_that_is_banned_under_another_name_is_replaced_too() {
    let mut snapshot = catalog();
    for (sequence, image) in (1..).zip(["r.io/base/os:10.4.7", "r.io/mirror/os:lts"]) {
        snapshot.resolve(sequence, indexed(image, b"the same content"));
    }
    check(&snapshot, "r.io/base/os:10.4.7", "keep");
    snapshot.apply(&record(3, Order::Ban(ban("r.io/mirror/os:lts"))));
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.4.9");
    rule(&snapshot, "r.io/base/os:10.4.7", "ban 3");
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

/// One base `r.io/base/os` as `change` leaves it.
fn with(change: impl FnOnce(&mut Base)) -> Snapshot {
    let mut base = Base::new("r.io/base/os".parse().unwrap(), tag("10.4.9"));
    change(&mut base);
    let mut snapshot = Snapshot::default();
    let applied = snapshot.apply(&record(1, Order::Catalog(CatalogSection::Bases(vec![base]))));
    assert_eq!(applied, Outcome::Accepted);
    snapshot
}

#[test]
fn ranges_decide_and_the_newest_known_version_follows() {
    let mut snapshot = with(|base| {
        base.allowed = vec![">=10.4.9 <12".parse().unwrap(), "^10.4-alpine".parse().unwrap()];
        base.outdated =
            vec!["<10.4.9".parse().unwrap(), "10.*-slim".parse().unwrap(), "latest".parse().unwrap()];
    });
    check(&snapshot, "r.io/base/os:10.5.0", "keep");
    rule(&snapshot, "r.io/base/os:10.5.0", "catalog entry r.io/base/os, allowed >=10.4.9 <12");
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.4.9");
    rule(&snapshot, "r.io/base/os:10.4.7", "catalog entry r.io/base/os, outdated <10.4.9");
    check(&snapshot, "r.io/base/os:12.0.0", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:10.5.0-rc1", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:latest", "replace r.io/base/os:10.4.9");
    // Nobody has seen a version of that precision, of that suffix, or of that major one.
    check(&snapshot, "r.io/base/os:10.3", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:10.3-slim", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:9.9.9", "refuse r.io/base/os:10.4.9");
    for (sequence, seen) in (1..).zip(["10.5", "10.6", "11.1", "10.5-alpine", "10.7.1", "10.7-rc1"]) {
        snapshot.resolve(sequence, indexed(&format!("r.io/base/os:{seen}"), seen.as_bytes()));
    }
    check(&snapshot, "r.io/base/os:10.3", "replace r.io/base/os:10.6");
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.4.9");
    snapshot.apply(&record(2, Order::Ban(ban("r.io/base/os:10.6"))));
    check(&snapshot, "r.io/base/os:10.3", "replace r.io/base/os:10.5");
    check(&snapshot, "r.io/base/os:10.6", "refuse r.io/base/os:10.4.9");
    snapshot.apply(&record(3, Order::Ban(ban("r.io/base/os:10.4.9"))));
    check(&snapshot, "r.io/base/os:10.4.7", "replace r.io/base/os:10.7.1");
}

#[test]
fn majors_and_older_versions_need_an_operators_word() {
    let outdated = || vec!["<10".parse().unwrap(), ">=10.5".parse().unwrap()];
    let snapshot = with(|base| base.outdated = outdated());
    check(&snapshot, "r.io/base/os:9.1.0", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "r.io/base/os:10.5.0", "refuse r.io/base/os:10.4.9");
    let crossed = with(|base| (base.outdated, base.majors) = (outdated(), Majors::Crossed));
    check(&crossed, "r.io/base/os:9.1.0", "replace r.io/base/os:10.4.9");
    let older = with(|base| (base.outdated, base.downgrades) = (outdated(), Downgrades::Allowed));
    check(&older, "r.io/base/os:10.5.0", "replace r.io/base/os:10.4.9");
    // A ban's own replacement is such a word, if the catalog allows it.
    let mut snapshot = with(|base| base.allowed = vec!["10.5.0".parse().unwrap()]);
    let back = Ban { replacement: "r.io/base/os:10.4.9".parse().ok(), ..ban("r.io/base/os:10.5.0") };
    snapshot.apply(&record(2, Order::Ban(back)));
    check(&snapshot, "r.io/base/os:10.5.0", "replace r.io/base/os:10.4.9");
    let outside = Ban { replacement: "r.io/base/os:10.3.0".parse().ok(), ..ban("r.io/base/os:10.4.9") };
    snapshot.apply(&record(3, Order::Ban(outside)));
    check(&snapshot, "r.io/base/os:10.4.9", "refuse ");
}

#[test]
fn a_tag_vouches_for_the_digest_that_it_points_at() {
    let mut snapshot = with(|base| base.outdated = vec!["10.4.8".parse().unwrap()]);
    let (good, other) = (Digest::of(b"xmanifest"), Digest::of(b"other"));
    check(&snapshot, &format!("r.io/base/os:10.4.9@{good}"), "pin r.io/base/os:10.4.9");
    snapshot.resolve(1, indexed("r.io/base/os:10.4.9", b"x"));
    check(&snapshot, &format!("r.io/base/os:10.4.9@{good}"), "keep");
    check(&snapshot, &format!("r.io/base/os@{good}"), "keep");
    check(&snapshot, &format!("r.io/base/os:10.4.9@{other}"), "pin r.io/base/os:10.4.9");
    check(&snapshot, &format!("r.io/base/os@{other}"), "refuse r.io/base/os:10.4.9");
    check(&snapshot, &format!("r.io/base/os:10.4.8@{other}"), "pin r.io/base/os:10.4.9");
    let mut pinning = with(|base| base.pins = Pins::Digest);
    check(&pinning, "r.io/base/os:10.4.9", "pin r.io/base/os:10.4.9");
    pinning.resolve(1, indexed("r.io/base/os:10.4.9", b"x"));
    check(&pinning, &format!("r.io/base/os:10.4.9@{good}"), "keep");
    // Banned by its tag, and named by its digest.
    pinning.apply(&record(2, Order::Ban(ban("r.io/base/os:10.4.9"))));
    check(&pinning, &format!("r.io/base/os:10.4.8@{good}"), "refuse ");
}

#[test]
fn a_banned_content_is_banned_under_every_tag() {
    let mut snapshot =
        with(|base| base.allowed = vec!["10.4.10".parse().unwrap(), "10.4.8".parse().unwrap()]);
    for (sequence, (tag, content)) in (1..).zip([("10.4.8", "a"), ("10.4.9", "a"), ("10.4.10", "b")]) {
        snapshot.resolve(sequence, indexed(&format!("r.io/base/os:{tag}"), content.as_bytes()));
    }
    snapshot.apply(&record(2, Order::Ban(ban("r.io/base/os:10.4.8"))));
    // The current version is the same image, so it is passed over; its own tag is judged when it has been read.
    check(&snapshot, "r.io/base/os:10.4.8", "replace r.io/base/os:10.4.10");
}

fn replacement(name: &str, from: ImagePattern, to: &str) -> Replacement {
    Replacement::new(name.parse().unwrap(), from, to, Downgrades::Refused).unwrap()
}

#[test]
fn replacement_rules_lead_into_the_catalog() {
    let mut snapshot = with(|base| base.allowed = vec!["^10.5".parse().unwrap()]);
    let rules = vec![
        replacement("exact", ImagePattern::Exact("alpine:3.18".parse().unwrap()), "r.io/base/os:10.4.9"),
        replacement("wild", ImagePattern::wildcard("docker.io/acme/os:*").unwrap(), "r.io/base/os:${1}"),
        replacement(
            "groups",
            ImagePattern::regex(r"old\.io/(\w+)/os:v(\d+)\.(\d+)").unwrap(),
            "r.io/${1}/os:${2}.${3}.0",
        ),
        replacement(
            "also",
            ImagePattern::regex(r"docker\.io/acme/os:10\.7\.0").unwrap(),
            "r.io/base/os:10.6.0",
        ),
    ];
    let applied = snapshot.apply(&record(2, Order::Catalog(CatalogSection::Replacements(rules))));
    assert_eq!(applied, Outcome::Accepted);
    check(&snapshot, "alpine:3.18", "replace r.io/base/os:10.4.9");
    rule(&snapshot, "alpine:3.18", "replacement rule exact");
    check(&snapshot, "acme/os:10.5.1", "replace r.io/base/os:10.5.1");
    check(&snapshot, "acme/os:11.0", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "old.io/base/os:v10.6", "replace r.io/base/os:10.6.0");
    check(&snapshot, "old.io/other/os:v10.6", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "evil.old.io/base/os:v10.6", "refuse r.io/base/os:10.4.9");
    check(&snapshot, "acme/os:10.7.0", "refuse r.io/base/os:10.4.9");
    snapshot.apply(&record(3, Order::Ban(ban("r.io/base/os:10.5.1"))));
    check(&snapshot, "acme/os:10.5.1", "refuse r.io/base/os:10.4.9");
}

fn at(seconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(seconds).unwrap()
}

fn hold(project: &str, image: &str, expires: i64) -> Hold {
    Hold {
        project: project.parse().unwrap(),
        image: image.parse().unwrap(),
        reason: "a driver".to_owned(),
        ticket: "OPS-1".to_owned(),
        expires: at(expires),
    }
}

fn exception(base: &str, max_class: Option<Severity>, starts: i64, ends: i64) -> Exception {
    Exception {
        name: "old-debian".parse().unwrap(),
        project: "shop".parse().unwrap(),
        base: BasePattern::new(base).unwrap(),
        ban: None,
        max_class,
        starts: Some(at(starts)),
        ends: at(ends),
        reason: "a port".to_owned(),
        ticket: "OPS-2".to_owned(),
        requested_by: "bob".to_owned(),
        approved_by: "alice".to_owned(),
    }
}

#[test]
fn a_hold_keeps_a_version_for_a_while_and_never_against_a_critical_ban() {
    let outdated = || with(|base| base.outdated = vec!["<10.4.9".parse().unwrap()]);
    let held = |hold: Hold, severity: Option<Severity>| {
        let mut snapshot = outdated();
        snapshot.apply(&record(2, Order::Catalog(CatalogSection::Holds(vec![hold]))));
        if let Some(severity) = severity {
            snapshot.apply(&record(3, Order::Ban(Ban { severity, ..ban("r.io/base/os:10.4.7") })));
        }
        shown(&snapshot, "r.io/base/os:10.4.7")
    };
    assert_eq!(held(hold("shop", "r.io/base/os:10.4.7", 1), None), "keep");
    for other in [
        hold("shop", "r.io/base/os:10.4.7", 0),
        hold("other", "r.io/base/os:10.4.7", 1),
        hold("shop", "r.io/base/os:10.4.8", 1),
    ] {
        assert_eq!(held(other, None), "replace r.io/base/os:10.4.9");
    }
    let good = hold("shop", "r.io/base/os:10.4.7", 1);
    assert_eq!(held(good.clone(), Some(Severity::High)), "keep");
    assert_eq!(held(good.clone(), Some(Severity::Critical)), "replace r.io/base/os:10.4.9");
    // It opens nothing.
    assert_eq!(held(hold("shop", "r.io/base/os:11.0.0", 1), None), "replace r.io/base/os:10.4.9");
    let mut snapshot = outdated();
    snapshot.apply(&record(2, Order::Catalog(CatalogSection::Holds(vec![hold("shop", "debian:11", 1)]))));
    check(&snapshot, "debian:11", "refuse r.io/base/os:10.4.9");
    snapshot.apply(&record(3, Order::Catalog(CatalogSection::Holds(vec![good]))));
    check(&snapshot, "r.io/base/os:10.4.7", "keep");
    check(&snapshot, &format!("r.io/base/os:10.4.7@{}", Digest::of(b"any")), "pin r.io/base/os:10.4.9");
    rule(
        &snapshot,
        "r.io/base/os:10.4.7",
        "hold: shop keeps r.io/base/os:10.4.7 until 1970-01-01 (OPS-1: a driver)",
    );
}

#[test]
fn an_exception_opens_what_it_says_for_as_long_as_it_says() {
    let excepted = |exception: Exception, severity: Option<Severity>| {
        let mut snapshot = with(|_| {});
        snapshot.apply(&record(2, Order::Catalog(CatalogSection::Exceptions(vec![exception]))));
        if let Some(severity) = severity {
            snapshot.apply(&record(3, Order::Ban(Ban { severity, ..ban("debian:11") })));
        }
        shown(&snapshot, "debian:11")
    };
    let refused = "refuse r.io/base/os:10.4.9";
    let debian = "docker.io/library/debian:11*";
    assert_eq!(excepted(exception(debian, None, 0, 1), None), "keep");
    assert_eq!(excepted(exception(debian, None, 0, 0), None), refused, "ended");
    assert_eq!(excepted(exception(debian, None, 1, 2), None), refused, "not begun");
    assert_eq!(excepted(exception("docker.io/library/debian:12", None, 0, 1), None), refused);
    let other = Exception { project: "other".parse().unwrap(), ..exception(debian, None, 0, 1) };
    assert_eq!(excepted(other, None), refused);
    use Severity::{Critical, High, Low};
    for (max_class, severity, expected) in [
        (None, Low, refused),
        (Some(Low), Low, "keep"),
        (Some(Low), High, refused),
        (Some(High), High, "keep"),
        (Some(Critical), Critical, refused),
    ] {
        assert_eq!(
            excepted(exception(debian, max_class, 0, 1), Some(severity)),
            expected,
            "{max_class:?} {severity}"
        );
    }
    let this_ban = |ban| Exception { ban: Some(crate::Sequence(ban)), ..exception(debian, Some(High), 0, 1) };
    assert_eq!(excepted(this_ban(4), Some(High)), refused, "another ban");
    // Past the ban, and still not in the catalog.
    assert_eq!(excepted(this_ban(3), Some(High)), refused);
}
