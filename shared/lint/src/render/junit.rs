//! JUnit's XML: a suite a file, a failed case a finding.

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Judged, xml};
use crate::finding::Finding;

pub(super) fn begin(out: &mut String, at: OffsetDateTime) {
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><testsuites");
    // Only years beyond 9999 cannot be written.
    let at = at.format(&Rfc3339).unwrap_or_default();
    xml::attribute(out, "name", &format!("plimsoll lint at {at}"));
    out.push('>');
}

pub(super) fn file(out: &mut String, judged: &Judged<'_>) {
    let unreadable = judged.findings.iter().filter(|finding| finding.code == "DL1000").count();
    out.push_str("<testsuite");
    xml::attribute(out, "name", judged.path);
    xml::attribute(out, "tests", &judged.findings.len().max(1).to_string());
    xml::attribute(out, "failures", &(judged.findings.len() - unreadable).to_string());
    xml::attribute(out, "errors", &unreadable.to_string());
    out.push('>');
    if judged.findings.is_empty() {
        // A suite without a case counts as not run at all.
        out.push_str("<testcase");
        xml::attribute(out, "classname", judged.path);
        xml::attribute(out, "name", "lint");
        out.push_str("/>");
    }
    for finding in judged.findings {
        case(out, judged.path, finding);
    }
    out.push_str("</testsuite>");
}

fn case(out: &mut String, path: &str, finding: &Finding) {
    let Finding { line, code, level, message, .. } = finding;
    out.push_str("<testcase");
    xml::attribute(out, "classname", path);
    xml::attribute(out, "name", &format!("{code} line {line}"));
    let element = if *code == "DL1000" { "error" } else { "failure" };
    out.push_str("><");
    out.push_str(element);
    xml::attribute(out, "type", level.as_str());
    xml::attribute(out, "message", message);
    out.push('>');
    xml::push(out, &format!("{path}:{line} {code} {level}: {message}"));
    out.push_str("</");
    out.push_str(element);
    out.push_str("></testcase>");
}

pub(super) fn end(out: &mut String) {
    out.push_str("</testsuites>\n");
}
