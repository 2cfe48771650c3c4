//! SonarQube's generic issues: one object with a list.

use serde_json::json;

use super::push_json;
use crate::finding::{Finding, Level};

pub(super) fn begin(out: &mut String) {
    out.push_str("{\"issues\":[");
}

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let (severity, kind) = match finding.level {
        Level::Error => ("CRITICAL", "BUG"),
        Level::Warning => ("MAJOR", "CODE_SMELL"),
        Level::Info => ("MINOR", "CODE_SMELL"),
        Level::Style | Level::Ignore => ("INFO", "CODE_SMELL"),
    };
    // Columns count from 0 there, lines from 1.
    let range =
        json!({ "startLine": finding.line, "endLine": finding.line, "startColumn": 0, "endColumn": 1 });
    let value = json!({
        "engineId": "plimsoll",
        "ruleId": finding.code,
        "severity": severity,
        "type": kind,
        "primaryLocation": { "message": finding.message, "filePath": path, "textRange": range },
    });
    push_json(out, &value);
}
