//! A JSON object a finding: `{file, line, column, level, code, message}`.

use serde_json::json;

use super::{COLUMN, push_json};
use crate::finding::Finding;

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let value = json!({
        "file": path,
        "line": finding.line,
        "column": COLUMN,
        "level": finding.level.as_str(),
        "code": finding.code,
        "message": finding.message,
    });
    push_json(out, &value);
}
