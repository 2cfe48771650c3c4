//! Codacy's results: a JSON object a finding.

use serde_json::json;

use super::push_json;
use crate::finding::Finding;

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let value = json!({
        "filename": path,
        "line": finding.line,
        "message": finding.message,
        "patternId": finding.code,
    });
    push_json(out, &value);
    out.push('\n');
}
