//! The GNU coding standards' form of an error message: `program:file:line: message`.

use std::fmt::Write as _;

use super::one_line;
use crate::finding::Finding;

pub(super) fn finding(out: &mut String, path: &str, finding: &Finding) {
    let Finding { line, code, level, message, .. } = finding;
    // Writing into a string cannot fail.
    let _ = writeln!(out, "plimsoll:{}:{line}: {code} {level}: {}", one_line(path), one_line(message));
}
