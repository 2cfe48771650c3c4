//! What is found is worth what the policy says, and what has no answer refuses.

use events::{order, rpc::ScanRequest};
use serde_json::{Value, json};
use time::OffsetDateTime;
use verdict::{OrderRecord, Resolution, Sequence};

use super::*;
use crate::scan::scan_with;

/// A policy in force for all projects but `other`, with one module; its text does not matter here.
fn snapshot(more: Value) -> Snapshot {
    let mut body =
        json!({"name": "ours", "modules": [{"file": "o.rego", "text": "x"}], "projects": ["shop*"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let mut snapshot = Snapshot::default();
    let order = order::decode_body(order::POLICY, body.to_string().as_bytes()).unwrap();
    let (sequence, operator) = (Sequence(1), "alice".parse().unwrap());
    snapshot.apply(&OrderRecord { sequence, operator, at: OffsetDateTime::UNIX_EPOCH, order });
    snapshot.resolve(1, Resolution::Accepted(sequence));
    snapshot
}

/// One finding of each kind.
fn found() -> Answer {
    let found =
        |rule: &str, denies| Found { line: 2, rule: rule.to_owned(), denies, message: "m".to_owned() };
    Answer { findings: vec![found("main.deny_x", true), found("main.warn_y", false)], excepted: vec![] }
}

#[track_caller]
fn check(more: Value, project: &str, answer: Option<Result<Answer, String>>, refused: bool, told: &[&str]) {
    let snapshot = snapshot(more);
    let policy = snapshot.policies().next().unwrap().clone();
    let asked: Vec<Asked> = answer.map(|answer| Asked { policy, answer }).into_iter().collect();
    let request = ScanRequest {
        definition: "FROM a:1\nUSER 1000\n".to_owned(),
        project: project.parse().ok(),
        ..ScanRequest::default()
    };
    let reply = scan_with(&snapshot, &request, &asked, &[], OffsetDateTime::UNIX_EPOCH);
    let findings = reply.findings.iter().filter(|finding| !finding.code.starts_with("PL2"));
    let found: Vec<_> =
        findings.map(|finding| format!("{} {} {}", finding.line, finding.code, finding.level)).collect();
    assert_eq!(found, told, "{:?}", reply.findings);
    assert_eq!(reply.refused, refused, "{:?}", reply.findings);
}

#[test]
fn findings_have_the_policys_levels_and_threshold() {
    let told = ["2 ours/main.deny_x error", "2 ours/main.warn_y warning"];
    check(json!({}), "shop", Some(Ok(found())), true, &told);
    check(json!({"failOn": "none"}), "shop", Some(Ok(found())), false, &told);
    let lower = ["2 ours/main.deny_x warning", "2 ours/main.warn_y style"];
    let levels = json!({"deny": "warning", "main.warn_y": "style"});
    check(json!({"levels": levels}), "shop", Some(Ok(found())), false, &lower);
    check(json!({"levels": levels, "failOn": "style"}), "shop", Some(Ok(found())), true, &lower);
    let denied = json!({"levels": levels, "deny": ["ours/main.warn_y"]});
    check(denied, "shop", Some(Ok(found())), true, &lower);
    let ignored = json!({"ignore": ["ours/main.deny_x"]});
    check(ignored, "shop", Some(Ok(found())), false, &["2 ours/main.warn_y warning"]);
}

#[test]
fn a_dry_run_tells_and_never_refuses() {
    let told = ["2 ours/main.deny_x info", "2 ours/main.warn_y warning"];
    check(json!({"dryRun": ["main.deny_x"]}), "shop", Some(Ok(found())), false, &told);
    check(json!({"dryRun": ["main.deny_x"], "failOn": "warning"}), "shop", Some(Ok(found())), true, &told);
    check(
        json!({"dryRun": ["*"], "deny": ["ours/main.deny_x"]}),
        "shop",
        Some(Ok(found())),
        false,
        &["2 ours/main.deny_x info", "2 ours/main.warn_y info"],
    );
}

#[test]
fn what_has_no_answer_refuses() {
    let late = || Some(Err("did not answer within 2 s".to_owned()));
    check(json!({}), "shop", late(), true, &["1 PL3001 error"]);
    check(json!({}), "shop", None, true, &["1 PL3001 error"]);
    check(json!({"failOn": "none"}), "shop", late(), true, &["1 PL3001 error"]);
    check(json!({"dryRun": ["*"]}), "shop", late(), false, &["1 PL3001 info"]);
    check(json!({"dryRun": ["main.deny_x"]}), "shop", late(), true, &["1 PL3001 error"]);
}

#[test]
fn a_policy_is_about_the_projects_it_reaches() {
    check(
        json!({}),
        "shop-web",
        Some(Ok(found())),
        true,
        &["2 ours/main.deny_x error", "2 ours/main.warn_y warning"],
    );
    check(json!({}), "other", Some(Ok(found())), false, &[]);
    check(json!({"deny": ["DL3057"]}), "other", None, false, &[]);
}

fn fold(snapshot: &mut Snapshot, sequence: u64, kind: &str, body: &Value) {
    let order = order::decode_body(kind, body.to_string().as_bytes()).unwrap();
    let (sequence, operator) = (Sequence(sequence), "alice".parse().unwrap());
    snapshot.apply(&OrderRecord { sequence, operator, at: OffsetDateTime::UNIX_EPOCH, order });
}

/// What is said of a project's definition beside the catalog's findings.
fn scanned(snapshot: &Snapshot, asked: &[Asked]) -> (bool, Vec<Finding>) {
    let request = ScanRequest {
        definition: "FROM a:1\nUSER 1000\n".to_owned(),
        project: "shop".parse().ok(),
        ..ScanRequest::default()
    };
    let reply = scan_with(snapshot, &request, asked, &[], OffsetDateTime::UNIX_EPOCH);
    (reply.refused, reply.findings.into_iter().filter(|finding| !finding.code.starts_with("PL2")).collect())
}

#[test]
fn a_project_whose_policy_does_not_hold_is_refused_by_its_name() {
    let strict = json!({"name": "strict"});
    let shop = json!({"name": "shop", "source": "https://git.example/shop.git", "branch": "main",
        "definition": "Dockerfile", "image": "r.io/shop:1", "policy": "strict"});
    let mut snapshot = Snapshot::default();
    fold(&mut snapshot, 1, order::POLICY, &strict);
    fold(&mut snapshot, 2, order::PROJECT, &shop);
    let check = |snapshot: &Snapshot, expected: &[&str]| {
        let (refused, findings) = scanned(snapshot, &[]);
        assert_eq!(refused, !expected.is_empty());
        let messages: Vec<_> = findings.iter().map(|finding| &finding.message).collect();
        let said = expected.iter().all(|part| findings[0].code == "PL3002" && messages[0].contains(part));
        assert!(said && findings.len() <= 1, "{messages:?}");
    };
    check(&snapshot, &["policy strict", "order 1 waits"]);
    let mut accepted = snapshot.clone();
    accepted.resolve(1, Resolution::Accepted(Sequence(1)));
    check(&accepted, &[]);
    snapshot.resolve(1, Resolution::Rejected(Sequence(1), "x.rego:1:1: what is this".to_owned()));
    check(&snapshot, &["policy strict", "order 1 was rejected: x.rego:1:1", "plimsoll policy apply"]);
    // The project before its policy: only an earlier version accepted that.
    let mut snapshot = Snapshot::default();
    snapshot.resolve(1, Resolution::Accepted(Sequence(1)));
    fold(&mut snapshot, 1, order::PROJECT, &shop);
    check(&snapshot, &["policy strict", "nobody applied"]);
    fold(&mut snapshot, 2, order::POLICY, &strict);
    snapshot.resolve(2, Resolution::Accepted(Sequence(2)));
    check(&snapshot, &[]);
}

/// What becomes of a step with `sudo` in a project that names one policy and is named by another.
#[track_caller]
fn check_silenced(own: &str, other: &str, comment: &str, told: &[&str]) {
    let mut snapshot = Snapshot::default();
    let policies = [
        json!({"name": "own", "failOn": "none", "silencing": own}),
        json!({"name": "other", "projects": ["shop*"], "silencing": other}),
        json!({"name": "elsewhere", "projects": ["*-not"], "silencing": "forbidden"}),
    ];
    for (sequence, body) in (1..).zip(&policies) {
        fold(&mut snapshot, sequence, order::POLICY, body);
        snapshot.resolve(sequence, Resolution::Accepted(Sequence(sequence)));
    }
    let shop = json!({"name": "shop", "source": "https://git.example/shop.git", "branch": "main",
        "definition": "Dockerfile", "image": "r.io/shop:1", "policy": "own"});
    fold(&mut snapshot, 4, order::PROJECT, &shop);
    let request = ScanRequest {
        definition: format!("FROM a:1\n# hadolint ignore=DL3004{comment}\nRUN sudo x\nUSER 1000\n"),
        project: "shop".parse().ok(),
        ..ScanRequest::default()
    };
    let reply = scan_with(&snapshot, &request, &[], &[], OffsetDateTime::UNIX_EPOCH);
    let found: Vec<_> = reply.findings.iter().map(|finding| finding.code.as_str()).collect();
    let found: Vec<_> = found.into_iter().filter(|code| !code.starts_with("PL2")).collect();
    assert_eq!(found, told, "{own:?} and {other:?}, {comment:?}");
}

#[test]
fn of_what_policies_let_comments_do_the_strictest_counts() {
    let (heard, told) = (&[][..], &["PL1003", "DL3004"][..]);
    for (one, other, plain, with_reason) in [
        ("", "", heard, heard),
        ("heard", "", heard, heard),
        ("with-reason", "", told, heard),
        ("heard", "with-reason", told, heard),
        ("forbidden", "", told, told),
        ("heard", "forbidden", told, told),
        ("with-reason", "forbidden", told, told),
    ] {
        for (own, others) in [(one, other), (other, one)] {
            check_silenced(own, others, "", plain);
            check_silenced(own, others, " # the vendor wants it", with_reason);
        }
    }
}

/// The words of an order are those of `.hadolint.yaml`, and mean the same.
#[test]
fn the_words_are_those_of_the_linters_own_configuration() {
    for word in verdict::order::Silencing::ALL {
        let config = lint::Config::from_yaml(&format!("silencing: {word}\n")).unwrap();
        assert_eq!(config.into_policy().silencing, silencing(word), "{word}");
    }
}

#[test]
fn what_one_policy_denies_no_other_lets_pass() {
    let more = |own: Value| {
        let mut snapshot = snapshot(own);
        let second = json!({"name": "second", "projects": ["*"], "deny": ["ours/main.warn_y"]});
        fold(&mut snapshot, 2, order::POLICY, &second);
        snapshot.resolve(2, Resolution::Accepted(Sequence(2)));
        let policy = snapshot.policy(&"ours".parse().unwrap()).unwrap().clone();
        let answer = Answer { findings: vec![found().findings.remove(1)], excepted: vec![] };
        scanned(&snapshot, &[Asked { policy, answer: Ok(answer) }])
    };
    for own in [json!({}), json!({"ignore": ["ours/main.warn_y"]}), json!({"dryRun": ["main.warn_y"]})] {
        let (refused, findings) = more(own);
        assert!(refused, "{findings:?}");
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].code.as_str(), findings[0].level.as_str()), ("ours/main.warn_y", "warning"));
    }
}
