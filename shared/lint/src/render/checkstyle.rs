//! Checkstyle's XML: an element a file, an element a finding.

use super::{COLUMN, Judged, xml};

pub(super) fn begin(out: &mut String) {
    out.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?><checkstyle version=\"4.3\">");
}

pub(super) fn file(out: &mut String, judged: &Judged<'_>) {
    out.push_str("<file");
    xml::attribute(out, "name", judged.path);
    if judged.findings.is_empty() {
        out.push_str("/>");
        return;
    }
    out.push('>');
    for finding in judged.findings {
        out.push_str("<error");
        xml::attribute(out, "line", &finding.line.to_string());
        xml::attribute(out, "column", &COLUMN.to_string());
        xml::attribute(out, "severity", finding.level.as_str());
        xml::attribute(out, "message", &finding.message);
        xml::attribute(out, "source", &finding.code);
        out.push_str("/>");
    }
    out.push_str("</file>");
}

pub(super) fn end(out: &mut String) {
    out.push_str("</checkstyle>\n");
}
