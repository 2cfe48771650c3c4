//! Orders as people write them, well and badly.

use verdict::order::{CatalogSection, Silencing};

use super::*;

#[track_caller]
fn accepted(kind: &str, body: &str) -> Order {
    decode_body(kind, body.as_bytes()).unwrap_or_else(|error| panic!("{body}: {error}"))
}

/// The error must name the place, so that the operator knows what to mend.
#[track_caller]
fn rejected(kind: &str, body: &str, place: &str) {
    match decode_body(kind, body.as_bytes()) {
        Ok(order) => panic!("accepted {order:?}"),
        Err(error) => assert!(error.to_string().contains(place), "{place} is missing in: {error}"),
    }
}

#[test]
fn a_ban_needs_little() {
    let Order::Ban(ban) = accepted(BANNED, r#"{"image":"r.io/base/os:10.4.8","reason":"CVE-2026-1"}"#) else {
        panic!()
    };
    assert_eq!(ban.target.to_string(), "r.io/base/os:10.4.8");
    assert_eq!(ban.severity, Severity::High);
    assert_eq!(ban.roles, [BaseRole::Base, BaseRole::Copy].into());
}

#[test]
fn a_ban_says_everything_it_can() {
    let body = r#"{"image":"r.io/base/os:10.4.8","reason":"x","severity":"critical","roles":["stage"],
        "replacement":"r.io/base/os:10.4.9","remedy":"patch","expires":"2027-01-01T00:00:00Z"}"#;
    let Order::Ban(ban) = accepted(BANNED, body) else { panic!() };
    assert_eq!(ban.replacement.unwrap().to_string(), "r.io/base/os:10.4.9");
    assert_eq!(ban.expires.unwrap().year(), 2027);
    assert_eq!(ban.roles, [BaseRole::Stage].into());
}

#[test]
fn a_section_is_emptied_by_the_empty_list_alone() {
    let section = accepted(CATALOG, r#"{"section":"bases","bases":[]}"#);
    assert_eq!(section, Order::Catalog(CatalogSection::Bases(vec![])));
}

#[test]
fn a_source_is_an_address() {
    for source in
        ["https://git.example/shop.git", "git@git.example:team/shop.git", "ssh://git@h:22/a", "git://h/a"]
    {
        accepted(PROJECT, &format!(r#"{{"name":"a","image":"r.io/a:1","source":"{source}"}}"#));
    }
}

#[test]
fn what_is_wrong_is_named() {
    rejected(BANNED, "", "empty");
    rejected(BANNED, "  \n", "empty");
    rejected(BANNED, "{", "not valid");
    rejected(BANNED, "[]", "not valid");
    rejected(BANNED, "\u{0}", "not valid");
    rejected(BANNED, r#"{"imagee":"r.io/a:1","reason":"x"}"#, "imagee");
    rejected(BANNED, r#"{"image":"r.io/a:1","image":"r.io/b:1","reason":"x"}"#, "duplicate");
    rejected(BANNED, r#"{"image":"r.io/a","reason":"x"}"#, "tag or digest");
    rejected(BANNED, r#"{"image":"sha256:0000","reason":"x"}"#, "digest alone");
    rejected(BANNED, r#"{"image":"R.io/A:1","reason":"x"}"#, "lower case");
    rejected(BANNED, r#"{"image":"r.io/a:1"}"#, "reason");
    rejected(BANNED, r#"{"reason":"x"}"#, "image");
    rejected(
        BANNED,
        r#"{"image":"r.io/a:1","reason":"x","severity":"apocalyptic"}"#,
        "low, high or critical",
    );
    rejected(BANNED, r#"{"image":"r.io/a:1","reason":"x","roles":["friend"]}"#, "friend");
    rejected(BANNED, r#"{"image":"r.io/a:1","reason":"x","replacement":"r.io/a"}"#, "replacement");
    rejected(CATALOG, r#"{"section":"bases"}"#, "`bases` is missing");
    rejected(CATALOG, r#"{"section":"doors"}"#, "`doors` is missing");
    let project = |source: &str| format!(r#"{{"name":"a","image":"r.io/a:1","source":"{source}"}}"#);
    rejected(PROJECT, &project("shop"), "source");
    rejected(PROJECT, &project("ext::sh -c x"), "source");
    rejected(LIFTED, r#"{"reason":"x"}"#, "exactly one");
    rejected(LIFTED, r#"{"ban":1,"image":"r.io/a:1","reason":"x"}"#, "exactly one");
    rejected(CATALOG, r#"{"section":"people"}"#, "bases, remedies, doors");
    rejected(CATALOG, r#"{"section":"bases","doors":{"create":"enforce"}}"#, "alone");
    rejected(CATALOG, r#"{"section":"remedies","remedies":[{"name":"x","argv":[]}]}"#, "argv");
    rejected(CATALOG, r#"{"section":"doors","doors":{"window":"enforce"}}"#, "doors are");
    rejected(
        PROJECT,
        r#"{"name":"a","source":"https://h/s","image":"r.io/a:1","definition":"../x"}"#,
        "definition",
    );
    rejected(
        PROJECT,
        r#"{"name":"a","source":"https://h/s","image":"r.io/a:1","branch":"--upload-pack=x"}"#,
        "branch",
    );
    rejected(PROJECT, r#"{"name":"A B","source":"https://h/s","image":"r.io/a:1"}"#, "name");
    rejected(POLICY, r#"{"name":"p","failOn":"sometimes"}"#, "failOn");
    rejected("plimsoll.base.praised", "{}", "praised");
    // What the broker answers to a publish or request, should it ever be redirected here.
    rejected(BANNED, r#"{"stream":"ORDERS","seq":1}"#, "stream");
    rejected(BANNED, &"[".repeat(100_000), "not valid");
}

#[test]
fn a_catalog_is_written_in_lists_ranges_and_rules() {
    let Order::Catalog(CatalogSection::Bases(bases)) = accepted(
        CATALOG,
        r#"{"section":"bases","bases":[
            {"repository":"r.io/base/os","current":"10.4.8","allowed":["10.4.9"],"outdated":["10.4.7"]},
            {"repository":"r.io/base/java","current":"21.0.4","allowed":["^21","21.*-slim"],"outdated":[">=17 <21"],"major":true,"downgrade":true,"pin":true}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(bases[0].tags().count(), 3);
    assert!(bases[1].allows(&"21.9-slim".parse().unwrap()));
    let Order::Catalog(CatalogSection::Replacements(rules)) = accepted(
        CATALOG,
        r#"{"section":"replacements","replacements":[
            {"name":"a","exact":"alpine:3.18","with":"r.io/base/os:10.4.9"},
            {"name":"b","wildcard":"docker.io/library/java:*","with":"r.io/base/java:${1}"},
            {"name":"c","regex":"docker\\.io/(.*)/java:.*","with":"r.io/${1}/java:21","downgrade":true}]}"#,
    ) else {
        panic!()
    };
    assert_eq!(rules.len(), 3);
    let hold = r#"{"project":"shop","image":"r.io/base/os:10.4.8","reason":"x","ticket":"T-1","expires":"2027-01-01T00:00:00Z"}"#;
    accepted(CATALOG, &format!(r#"{{"section":"holds","holds":[{hold}]}}"#));
    accepted(CATALOG, &exceptions(EXCEPTION, ""));
    accepted(
        CATALOG,
        &exceptions(EXCEPTION, r#","ban":7,"maxClass":"high","starts":"2026-01-01T00:00:00Z""#),
    );
}

const EXCEPTION: &str = r#""name":"old","project":"shop","base":"docker.io/library/debian:11*","ends":"2027-01-01T00:00:00Z","reason":"x","ticket":"T-2","requestedBy":"bob","approvedBy":"alice""#;

fn exceptions(fields: &str, more: &str) -> String {
    format!(r#"{{"section":"exceptions","exceptions":[{{{fields}{more}}}]}}"#)
}

#[test]
fn what_is_wrong_in_a_catalog_is_named() {
    let base = |field: &str| {
        format!(r#"{{"section":"bases","bases":[{{"repository":"r.io/a","current":"1",{field}}}]}}"#)
    };
    rejected(CATALOG, &base(r#""allowed":[">=2 <1"]"#), "allowed");
    rejected(CATALOG, &base(r#""outdated":["a b"]"#), "outdated");
    rejected(CATALOG, &base(r#""pinned":true"#), "pinned");
    let rule =
        |fields: &str| format!(r#"{{"section":"replacements","replacements":[{{"name":"r",{fields}}}]}}"#);
    rejected(CATALOG, &rule(r#""with":"r.io/a:1""#), "exactly one");
    rejected(CATALOG, &rule(r#""exact":"a:1","regex":"b","with":"r.io/a:1""#), "exactly one");
    rejected(CATALOG, &rule(r#""exact":"a","with":"r.io/a:1""#), "tag");
    rejected(CATALOG, &rule(r#""exact":"a:1","with":"r.io/a""#), "with");
    rejected(CATALOG, &rule(r#""exact":"a:1","with":"r.io/a:${1}""#), "no group 1");
    rejected(CATALOG, &rule(r#""wildcard":"r.io/a:*","with":"r.io/a:${2}""#), "no group 2");
    rejected(CATALOG, &rule(r#""wildcard":"r.io/$(x):*","with":"r.io/a:1""#), "wildcard");
    rejected(CATALOG, &rule(r#""wildcard":"alpine:*","with":"r.io/a:1""#), "in full");
    rejected(CATALOG, &rule(r#""regex":"a)|(b","with":"r.io/a:1""#), "regex");
    rejected(CATALOG, &rule(r#""regex":"(a{1000}){1000}","with":"r.io/a:1""#), "regex");
    let hold = |fields: &str| format!(r#"{{"section":"holds","holds":[{{"project":"shop",{fields}}}]}}"#);
    rejected(CATALOG, &hold(r#""image":"a:1","reason":"x","ticket":"T""#), "expires");
    rejected(CATALOG, &hold(r#""image":"a:1","reason":"x","expires":"2027-01-01T00:00:00Z""#), "ticket");
    rejected(
        CATALOG,
        &hold(r#""image":"a","reason":"x","ticket":"T","expires":"2027-01-01T00:00:00Z""#),
        "image",
    );
    rejected(CATALOG, &exceptions(EXCEPTION, r#","maxClass":"critical""#), "critical ban");
    rejected(CATALOG, &exceptions(EXCEPTION, r#","starts":"2028-01-01T00:00:00Z""#), "ends");
    rejected(CATALOG, &exceptions(&EXCEPTION.replace("alice", "bob"), ""), "approvedBy");
    rejected(
        CATALOG,
        &exceptions(&EXCEPTION.replace("docker.io/library/debian:11*", "debian:11"), ""),
        "in full",
    );
    for missing in ["reason", "ticket", "requestedBy", "approvedBy", "ends", "project", "base"] {
        let without =
            EXCEPTION.split(',').filter(|field| !field.contains(missing)).collect::<Vec<_>>().join(",");
        rejected(CATALOG, &exceptions(&without, ""), missing);
    }
    rejected(CATALOG, r#"{"section":"holds","bases":[{"repository":"r.io/a","current":"1"}]}"#, "alone");
}

#[test]
fn an_operator_is_the_last_token() {
    let body = br#"{"ban":1,"reason":"fixed"}"#;
    let decode =
        |subject: &str| decode(&subject.parse().unwrap(), Sequence(5), OffsetDateTime::UNIX_EPOCH, body);
    assert_eq!(decode("plimsoll.base.lifted.alice").unwrap().record.operator.as_str(), "alice");
    assert!(decode("plimsoll.base.lifted.Alice").is_err());
    assert!(decode("plimsoll.base.lifted").is_err());
    assert!(decode("plimsoll.base.lifted.a.b").is_err());
}

#[test]
fn a_policy_carries_modules_and_what_is_said_of_them() {
    let body = r#"{"name":"registries","failOn":"warning","modules":[{"file":"r.rego","text":"package main"}],"data":{"allowed":["a",1]},
        "namespaces":["main"],"levels":{"main.deny_x":"info","warn":"style"},"dryRun":["main.deny_y"],"projects":["shop-*"]}"#;
    let Order::Policy(policy) = accepted(POLICY, body) else { panic!() };
    assert!(policy.reaches(&"shop-web".parse().unwrap()) && !policy.reaches(&"web".parse().unwrap()));
    let rego = policy.rego.unwrap();
    assert_eq!((rego.modules.len(), rego.data.as_deref()), (1, Some(r#"{"allowed":["a",1.0]}"#)));
    assert_eq!((rego.level_of("main.deny_x"), rego.level_of("main.warn_z")), (Some("info"), Some("style")));
    assert!(rego.is_dry("main.deny_y") && !rego.is_dry("main.deny_x") && !rego.is_all_dry());
    let rules = ["main.deny_x".to_owned()];
    assert_eq!(rego.strangers(&rules), ["main.deny_y"]);
    let Order::Policy(plain) = accepted(POLICY, r#"{"name":"plain"}"#) else { panic!() };
    assert_eq!((plain.fail_on.as_deref(), plain.rego), (Some("error"), None));
}

#[test]
fn a_policy_says_what_comments_may_silence() {
    let said = |more: &str| {
        let Order::Policy(policy) = accepted(POLICY, &format!(r#"{{"name":"p"{more}}}"#)) else { panic!() };
        (policy.silencing, policy.asks_nothing())
    };
    // What was stored before there was the field is read as it was.
    assert_eq!(said(""), (Silencing::Heard, true));
    assert_eq!(said(r#","silencing":"heard""#), (Silencing::Heard, true));
    assert_eq!(said(r#","silencing":"with-reason""#), (Silencing::WithReason, false));
    assert_eq!(said(r#","silencing":"forbidden""#), (Silencing::Forbidden, false));
    for word in ["never", "Forbidden", "withReason"] {
        let body = format!(r#"{{"name":"p","silencing":"{word}"}}"#);
        rejected(POLICY, &body, "heard, with-reason, forbidden");
        rejected(POLICY, &body, word);
    }
}

#[test]
fn a_policy_that_cannot_be_meant_says_what_to_write() {
    let module = |file: &str, bytes: usize| format!(r#"{{"file":"{file}","text":"{}"}}"#, "x".repeat(bytes));
    let with =
        |modules: &[String], more: &str| format!(r#"{{"name":"p","modules":[{}]{more}}}"#, modules.join(","));
    let one = [module("a.rego", 1)];
    rejected(
        POLICY,
        &with(&[module("a.rego", 200_000), module("b.rego", 70_000)], ""),
        "262144 are the most",
    );
    rejected(
        POLICY,
        &with(&(0..65).map(|n| module(&format!("{n}.rego"), 1)).collect::<Vec<_>>(), ""),
        "64 are the most",
    );
    rejected(POLICY, &with(&[module("a.rego", 1), module("a.rego", 1)], ""), "two are called a.rego");
    rejected(POLICY, &with(&[module("a.rego", 0)], ""), "a.rego is empty");
    rejected(POLICY, &with(&[module("", 1)], ""), "`file`");
    rejected(POLICY, &with(&one, r#","levels":{"main.deny":"fatal"}"#), "`fatal` of main.deny");
    rejected(POLICY, &with(&one, r#","projects":["Shop"]"#), "`Shop`");
    rejected(POLICY, &with(&one, r#","namespaces":["a b"]"#), "namespaces");
    rejected(POLICY, &with(&one, r#","data":[1]"#), "body");
    rejected(POLICY, &with(&one, r#","dry_runs":["x"]"#), "dry_runs");
    rejected(POLICY, &with(&one, &format!(r#","data":{{"a":"{}"}}"#, "x".repeat(300_000))), "data");
    rejected(POLICY, r#"{"name":"p","dryRun":["*"]}"#, "about modules");
    rejected(POLICY, r#"{"name":"p","failOn":"fatal"}"#, "failOn");
}

#[test]
fn a_credential_is_refused_and_not_repeated() {
    let secret = "https://robot:SECRET@git.example/a";
    let project = |more: &str| format!(r#"{{"name":"a","image":"r.io/a:1",{more}}}"#);
    for (body, field) in [
        (project(&format!(r#""source":"{secret}""#)), "source"),
        (project(&format!(r#""source":"https://h/a","webhook":"{secret}""#)), "webhook"),
        // Cannot be read, and the reason would repeat it.
        (project(&format!(r#""source":"https://h/a","policy":"{secret}""#)), "policy"),
        (project(&format!(r#""source":"https://h/a","{secret}":1"#)), "?"),
    ] {
        let error = decode_body(PROJECT, body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(&format!("`{field}` holds a credential")), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

#[test]
fn an_order_with_a_credential_can_be_read() {
    let body = br#"{"name":"a","image":"r.io/a:1","source":"https://robot:SECRET@git.example/a"}"#;
    let subject = Subject::of(PROJECT, &["alice".to_owned()]);
    let stored = decode(&subject, Sequence(1), OffsetDateTime::UNIX_EPOCH, body).unwrap();
    assert!(matches!(stored.objection, Some(Malformed::Credential { .. })), "{stored:?}");
}
