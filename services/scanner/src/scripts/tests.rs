//! A program in the place of ShellCheck, for what the real one does not do on demand; and the real one.

use std::{fs, time::Instant};

use events::{order, rpc::ScanRequest};
use serde_json::json;
use tempfile::TempDir;
use time::OffsetDateTime;
use verdict::{OrderRecord, Resolution, Sequence, Snapshot};

use super::*;
use crate::scan::scan_with;

const DEFINITION: &str =
    "FROM a:1\nRUN echo $x\nWORKDIR /b\nRUN x \\\n  y\nWORKDIR /c\nRUN echo $x\nUSER 1000\n";

/// Says the same of the scripts of the process that it is, and counts its starts.
const ANSWERS: &str = r#"echo >> "${0%/*}/starts"
echo '{"comments": [{"file": "0", "level": "info", "code": 2086, "message": "m", "fix": null}]}'
exit 1"#;

/// Long enough on a machine that does other things too.
const LONG: Duration = Duration::from_secs(30);

fn program(script: &str, within: Duration, processes: usize) -> (TempDir, Scripts) {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("shellcheck");
    testkit::script::write(&program, &format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).unwrap();
    let found = Options::find(folder.path().as_os_str()).unwrap();
    let options = Options { processes: NonZeroUsize::new(processes).unwrap(), ..found };
    (folder, Scripts::open(options, within))
}

fn codes(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}@{}", finding.code, finding.line)).collect()
}

#[tokio::test]
async fn a_scans_scripts_are_one_process() {
    let (folder, scripts) = program(ANSWERS, LONG, 4);
    let steps: String = (0..300).map(|number| format!("RUN echo $x{number}\n")).collect();
    assert_eq!(scripts.ask(&format!("FROM a:1\n{steps}")).await.len(), 1);
    let starts = || fs::read_to_string(folder.path().join("starts")).unwrap_or_default().lines().count();
    assert_eq!(starts(), 1);
    // Nothing to ask about.
    for definition in ["FROM a:1\n", "FROM a:1\nRUN [\"a\"]\n", "FORM a:1\nRUN a\n", ""] {
        assert_eq!(scripts.ask(definition).await, [], "{definition}");
    }
    assert_eq!(starts(), 1);
    assert_eq!(Scripts::unasked().ask(DEFINITION).await, []);
}

#[tokio::test]
async fn no_more_processes_than_places() {
    // Two at the same time would meet in the folder.
    let script =
        format!("mkdir \"${{0%/*}}/here\" || exit 4\nsleep 0.05\nrmdir \"${{0%/*}}/here\"\n{ANSWERS}");
    let (_folder, scripts) = program(&script, LONG, 1);
    let asked = futures::future::join_all((0..4).map(|_| scripts.ask(DEFINITION))).await;
    assert!(asked.iter().all(|said| !said.is_empty()), "{asked:?}");
}

#[tokio::test]
async fn whatever_becomes_of_the_program_the_scan_goes_on() {
    for script in ["exit 4", "echo no", "sleep 1000", "kill -SEGV $$", "yes"] {
        let (_folder, scripts) = program(script, Duration::from_millis(500), 1);
        let begun = Instant::now();
        assert_eq!(scripts.ask(DEFINITION).await, [], "{script}");
        assert!(begun.elapsed() < LONG, "{script}");
        // Its place is free again.
        assert_eq!(scripts.0.as_ref().unwrap().places.available_permits(), 1, "{script}");
    }
    let (folder, scripts) = program(ANSWERS, LONG, 1);
    fs::remove_file(folder.path().join("shellcheck")).unwrap();
    assert_eq!(scripts.ask(DEFINITION).await, []);
}

/// What the scanner makes of what the real one says, under a policy that holds.
#[track_caller]
fn check(policy: &serde_json::Value, definition: &str, said: &[Finding], refused: bool, told: &[&str]) {
    let mut body = json!({"name": "ours", "projects": ["*"]});
    body.as_object_mut().unwrap().extend(policy.as_object().unwrap().clone());
    let mut snapshot = Snapshot::default();
    let order = order::decode_body(order::POLICY, body.to_string().as_bytes()).unwrap();
    let (sequence, operator) = (Sequence(1), "alice".parse().unwrap());
    snapshot.apply(&OrderRecord { sequence, operator, at: OffsetDateTime::UNIX_EPOCH, order });
    snapshot.resolve(1, Resolution::Accepted(sequence));
    let shop = json!({"name": "shop", "source": "https://git.example/shop.git", "branch": "main",
        "definition": "Dockerfile", "image": "r.io/shop:1", "policy": "ours"});
    let order = order::decode_body(order::PROJECT, shop.to_string().as_bytes()).unwrap();
    let (sequence, operator) = (Sequence(2), "alice".parse().unwrap());
    snapshot.apply(&OrderRecord { sequence, operator, at: OffsetDateTime::UNIX_EPOCH, order });
    let request = ScanRequest {
        definition: definition.to_owned(),
        project: "shop".parse().ok(),
        ..ScanRequest::default()
    };
    let reply = scan_with(&snapshot, &request, &[], said, OffsetDateTime::UNIX_EPOCH);
    let findings = reply.findings.iter().filter(|finding| !finding.code.starts_with("PL2"));
    let found: Vec<_> =
        findings.map(|finding| format!("{} {} {}", finding.line, finding.code, finding.level)).collect();
    assert_eq!((reply.refused, found), (refused, told.iter().map(ToString::to_string).collect()), "{policy}");
}

#[tokio::test]
async fn its_findings_are_worth_what_the_policy_says() {
    let path = env::var_os("PATH").unwrap();
    let options = Options::find(&path).expect("shellcheck is installed: apt-get install shellcheck");
    let scripts = Scripts::open(options, LONG);
    let said = scripts.ask(DEFINITION).await;
    assert_eq!(codes(&said), ["SC2086@2", "SC2154@2", "SC2086@7", "SC2154@7"]);
    let said = &said[..2];
    let told = ["2 SC2086 info", "2 SC2154 warning"];
    check(&json!({}), DEFINITION, said, false, &told);
    check(&json!({"deny": ["SC2086"]}), DEFINITION, said, true, &told);
    check(&json!({"failOn": "info"}), DEFINITION, said, true, &told);
    check(&json!({"failOn": "none"}), DEFINITION, said, false, &told);
    check(&json!({"ignore": ["SC2154"]}), DEFINITION, said, false, &told[..1]);
    let silenced = DEFINITION.replace("RUN echo", "# hadolint ignore=SC2086,SC2154\nRUN echo");
    let said = scripts.ask(&silenced).await;
    check(&json!({}), &silenced, &said, false, &[]);
    check(&json!({"deny": ["SC2086"]}), &silenced, &said, true, &["3 SC2086 info", "9 SC2086 info"]);
    // A mistake refuses where mistakes do, as the linter's own.
    let broken = "FROM a:1\nRUN if true; then echo\nUSER 1000\n";
    let said = scripts.ask(broken).await;
    let told: Vec<String> =
        said.iter().map(|finding| format!("2 {} {}", finding.code, finding.level)).collect();
    assert!(told.iter().any(|told| told.ends_with("error")), "{told:?}");
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    check(&json!({}), broken, &said, true, &told);
    check(&json!({"failOn": "none"}), broken, &said, false, &told);
}
