//! SARIF 2.1.0: one run with its results.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;

use super::{COLUMN, push_json};
use crate::finding::{Finding, Level};

/// All that does not stand for itself in a path.
const WRITTEN_OUT: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

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
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(path) }, "region": region } }],
    });
    push_json(out, &value);
}

/// The path as a reference of RFC 3986, relative as it is. Behind two slashes a host would stand.
fn uri(path: &str) -> String {
    let bare = path.trim_start_matches('/');
    let root = if bare.len() < path.len() { "/" } else { "" };
    format!("{root}{}", utf8_percent_encode(bare, WRITTEN_OUT))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("a b/Dockerfile%é"), "a%20b/Dockerfile%25%C3%A9");
        assert_eq!(uri("//x/Dockerfile"), "/x/Dockerfile");
        assert_eq!(uri("./web-1_2~.Dockerfile"), "./web-1_2~.Dockerfile");
    }
}
