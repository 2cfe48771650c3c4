//! Orders as people write them, well and badly.

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
    rejected(LIFTED, r#"{"reason":"x"}"#, "exactly one");
    rejected(LIFTED, r#"{"ban":1,"image":"r.io/a:1","reason":"x"}"#, "exactly one");
    rejected(CATALOG, r#"{"section":"people"}"#, "bases, remedies or doors");
    rejected(CATALOG, r#"{"section":"bases","doors":{"create":"enforce"}}"#, "alone");
    rejected(CATALOG, r#"{"section":"remedies","remedies":[{"name":"x","argv":[]}]}"#, "argv");
    rejected(CATALOG, r#"{"section":"doors","doors":{"window":"enforce"}}"#, "doors are");
    rejected(PROJECT, r#"{"name":"a","source":"s","image":"r.io/a:1","definition":"../x"}"#, "definition");
    rejected(PROJECT, r#"{"name":"a","source":"s","image":"r.io/a:1","branch":"--upload-pack=x"}"#, "branch");
    rejected(PROJECT, r#"{"name":"A B","source":"s","image":"r.io/a:1"}"#, "name");
    rejected(POLICY, r#"{"name":"p","failOn":"sometimes"}"#, "failOn");
    rejected("plimsoll.base.praised", "{}", "praised");
    // What the broker answers to a publish or request, should it ever be redirected here.
    rejected(BANNED, r#"{"stream":"ORDERS","seq":1}"#, "stream");
    rejected(BANNED, &"[".repeat(100_000), "not valid");
}

#[test]
fn an_operator_is_the_last_token() {
    let body = br#"{"ban":1,"reason":"fixed"}"#;
    let decode =
        |subject: &str| decode(&subject.parse().unwrap(), Sequence(5), OffsetDateTime::UNIX_EPOCH, body);
    assert_eq!(decode("plimsoll.base.lifted.alice").unwrap().operator.as_str(), "alice");
    assert!(decode("plimsoll.base.lifted.Alice").is_err());
    assert!(decode("plimsoll.base.lifted").is_err());
    assert!(decode("plimsoll.base.lifted.a.b").is_err());
}
