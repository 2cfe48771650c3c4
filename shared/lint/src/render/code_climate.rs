//! Code Climate's issues: a JSON object a finding; GitLab wants each with a fingerprint.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::push_json;
use crate::finding::{Finding, Level};

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    push_json(out, &issue(path, finding));
    // Code Climate's own reader wants a NUL behind each issue, and hadolint writes one.
    out.push('\0');
}

pub(super) fn finding_with_fingerprint(out: &mut String, path: &str, finding: &Finding) {
    let mut issue = issue(path, finding);
    let fingerprint = fingerprint(path, finding);
    if let Value::Object(fields) = &mut issue {
        fields.insert("fingerprint".to_owned(), fingerprint.into());
    }
    push_json(out, &issue);
}

fn issue(path: &str, finding: &Finding) -> Value {
    let severity = match finding.level {
        Level::Error => "blocker",
        Level::Warning => "major",
        Level::Info => "info",
        Level::Style | Level::Ignore => "minor",
    };
    json!({
        "type": "issue",
        "check_name": finding.code,
        "description": finding.message,
        "categories": ["Bug Risk"],
        "location": { "path": path, "lines": { "begin": finding.line, "end": finding.line } },
        "severity": severity,
    })
}

/// The same finding has the same one in every run: 40 hexadecimal digits over place, code and message.
fn fingerprint(path: &str, finding: &Finding) -> String {
    let identity = format!("{path}\0{}\0{}\0{}", finding.line, finding.code, finding.message);
    let digest = Sha256::digest(identity.as_bytes());
    hex::encode(digest).chars().take(40).collect()
}
