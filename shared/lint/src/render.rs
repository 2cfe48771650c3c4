//! Findings for people and for programs. Pure: where the text goes is the caller's.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::finding::Finding;

/// The column of every finding: rules judge instructions, and hadolint says 1 for all of them too.
const COLUMN: usize = 1;

/// One line a finding, as hadolint's terminal output without colours: `FILE:LINE CODE LEVEL: MESSAGE`.
pub fn text(file: &str, findings: &[Finding]) -> String {
    let mut text = String::new();
    for Finding { line, code, level, message, fix: _ } in findings {
        // Writing into a string cannot fail.
        let _ = writeln!(text, "{}:{line} {code} {level}: {}", one_line(file), one_line(message));
    }
    text
}

/// A JSON list of `{file, line, column, level, code, message}`, as hadolint's `--format json`.
pub fn json(file: &str, findings: &[Finding]) -> String {
    let findings: Vec<Value> = findings
        .iter()
        .map(|Finding { line, code, level, message, fix: _ }| {
            json!({
                "file": file, "line": line, "column": COLUMN, "level": level.as_str(), "code": code, "message": message,
            })
        })
        .collect();
    Value::Array(findings).to_string()
}

/// A line stays one line, whatever a name or a message holds.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Level;

    fn findings() -> Vec<Finding> {
        let message = "Give the image a \"tag\".\u{1b}[0m".into();
        vec![Finding { line: 3, code: "DL3006".into(), level: Level::Warning, message, fix: Vec::new() }]
    }

    #[test]
    fn text_has_a_line_for_each_finding() {
        assert_eq!(
            text("a\nb/Dockerfile", &findings()),
            "a b/Dockerfile:3 DL3006 warning: Give the image a \"tag\". [0m\n"
        );
        assert_eq!(text("Dockerfile", &[]), "");
    }

    #[test]
    fn json_has_the_fields_of_hadolint() {
        let value: Value = serde_json::from_str(&json("Dockerfile", &findings())).unwrap();
        let message = "Give the image a \"tag\".\u{1b}[0m";
        let expected = json!([
            {"file": "Dockerfile", "line": 3, "column": 1, "level": "warning", "code": "DL3006", "message": message},
        ]);
        assert_eq!(value, expected);
        assert_eq!(json("Dockerfile", &[]), "[]");
    }
}
