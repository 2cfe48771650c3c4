//! SARIF 2.1.0: one run with its results.

use serde_json::json;

use super::{COLUMN, push_json};
use crate::finding::{Finding, Level};

pub(super) fn begin(out: &mut String) {
    out.push_str("{\"version\":\"2.1.0\",\"$schema\":\"http://json.schemastore.org/sarif-2.1.0\",");
    out.push_str("\"runs\":[{\"defaultSourceLanguage\":\"dockerfile\",\"results\":[");
}

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let level = match finding.level {
        Level::Error => "error",
        Level::Warning => "warning",
        Level::Info | Level::Style => "note",
        Level::Ignore => "none",
    };
    let language = if finding.code.starts_with("SC") { "sh" } else { "dockerfile" };
    let region = json!({
        "startLine": finding.line,
        "endLine": finding.line,
        "startColumn": COLUMN,
        "endColumn": COLUMN,
        "sourceLanguage": language,
    });
    let value = json!({
        "ruleId": finding.code,
        "level": level,
        "message": { "text": finding.message },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": path }, "region": region } }],
    });
    push_json(out, &value);
}

pub(super) fn end(out: &mut String) {
    let driver = json!({
        "name": "plimsoll",
        "fullName": "Plimsoll lint",
        "shortDescription": { "text": "Dockerfiles held to an organisation's rules" },
        "version": env!("CARGO_PKG_VERSION"),
    });
    out.push_str("],\"tool\":{\"driver\":");
    push_json(out, &driver);
    out.push_str("}}]}\n");
}
