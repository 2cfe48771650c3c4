//! Texts that buildah 1.28 and BuildKit were seen to read in two ways.

use crate::{DisputeKind, Dockerfile};

#[track_caller]
fn check(text: &str, expected: &[(usize, DisputeKind)]) {
    let file = Dockerfile::read(text);
    let found: Vec<_> = file.disputes().iter().map(|dispute| (dispute.line, dispute.kind.clone())).collect();
    assert_eq!(found, expected, "{text:?}");
}

#[test]
fn what_older_builders_read_otherwise_is_named() {
    check("FROM a\nRUN x \\\n  # comment\n\n  && y\r\nCMD [\"<<E\"]\n", &[]);
    check("FROM a\nRUN <<E\nE\n", &[(2, DisputeKind::Heredoc("E".to_owned()))]);
    check("FROM a\nONBUILD RUN <<E\nE\n", &[(2, DisputeKind::Heredoc("E".to_owned()))]);
    check("FROM a\nRUN x \\\n  y \\\\ \nFROM b AS c\n", &[(3, DisputeKind::DoubledEscape)]);
    check("FROM a\nRUN x \\\r\r\n  y\n", &[(2, DisputeKind::CarriageReturn)]);
    check("FROM a\nRUN x \\\r\n  y\n", &[]);
    check("# syntax=s\n# escape=`\nFROM a\n", &[(2, DisputeKind::LateEscape)]);
    check("# escape=`\n# syntax=s\nFROM a\nRUN x \\\\\nRUN y ``\n", &[(5, DisputeKind::DoubledEscape)]);
    check("# escape=`\nFROM a\nCOPY --chown=` --from=b / /\n", &[(3, DisputeKind::FlagEscape)]);
    let spaced = [(2, DisputeKind::HeredocMark), (2, DisputeKind::Heredoc("E".to_owned()))];
    check("FROM a\nRUN << E\nE\n", &spaced);
    check("FROM a\nRUN << <<E\nE\n", &[(2, DisputeKind::HeredocMark)]);
    check("#\u{a0}escape=`\nFROM a\n", &[(1, DisputeKind::DirectiveBlank)]);
    check("# escape=`\nFROM a\nCOPY --` a b\n", &[(3, DisputeKind::FlagEscape)]);
    let spaced = [(2, DisputeKind::HeredocMark), (2, DisputeKind::Heredoc("E".to_owned()))];
    check("FROM a\nRUN ${X#} <<E\nE\n", &spaced);
    check("FROM a\nRUN <<${X-}\n", &[(2, DisputeKind::HeredocMark)]);
    check("FROM a\nRUN x << \nRUN \"<<\" E\nCMD << E\n", &[]);
    check("FROM a\nCMD [\"a\"] x\nADD [1]x\n", &[(2, DisputeKind::ListTail), (3, DisputeKind::ListTail)]);
    check("FROM a\nRUN [ -f x ] && y\nHEALTHCHECK CMD [\"a\"]]\n", &[(3, DisputeKind::ListTail)]);
    // Inside a heredoc and in comments nothing continues.
    check("FROM a\n# x \\\\\nCOPY <<E /x\n\\\\\nE\n", &[(3, DisputeKind::Heredoc("E".to_owned()))]);
}

#[test]
fn heredocs_are_listed_by_line() {
    let file = Dockerfile::read("FROM a\nCOPY <<A <<B /d/\nA\nB\nRUN x\nRUN <<C\nC\n");
    let lines: Vec<usize> = file.disputes().iter().map(|dispute| dispute.line).collect();
    assert_eq!(lines, [2, 2, 6]);
    let message = file.disputes().first().unwrap().to_string();
    assert!(message.starts_with("line 2: the heredoc <<A is not supported"), "{message}");
}
