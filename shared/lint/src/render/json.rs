//! A JSON object a finding: `{file, line, column, level, code, message}`.

use std::fmt::Write as _;

use super::{COLUMN, push_json_text};
use crate::finding::Finding;

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let Finding { line, code, level, message, .. } = finding;
    // The format of pipelines: written as it is read, without a tree of values for each finding. Fields come by name, as in all formats.
    out.push_str("{\"code\":");
    push_json_text(out, code);
    // Writing into a string cannot fail.
    let _ = write!(out, ",\"column\":{COLUMN},\"file\":");
    push_json_text(out, path);
    out.extend([",\"level\":\"", level.as_str(), "\",\"line\":"]);
    let _ = write!(out, "{line},\"message\":");
    push_json_text(out, message);
    out.push('}');
}
