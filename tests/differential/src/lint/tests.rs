//! The comparison notices what it is for: a missing rule, a wrong line, a rule too many.

use super::*;

fn findings(findings: &[(usize, &str)]) -> Findings {
    let found = |(line, code): &(usize, &str)| {
        let (code, level) = code.split_once(' ').unwrap_or((code, "info"));
        Found { line: *line, code: code.to_owned(), level: level.to_owned() }
    };
    findings.iter().map(found).collect()
}

fn compared(ours: &[(usize, &str)], theirs: &[(usize, &str)]) -> Compared {
    let (ours, theirs) = (findings(ours), findings(theirs));
    Compared { name: String::new(), text: String::new(), ours, theirs }
}

#[track_caller]
fn check(files: &[Compared], agreeing: usize, blind_to: &[&str]) {
    let mut comparison = Comparison::default();
    files.iter().cloned().for_each(|file| comparison.add(file));
    assert_eq!(comparison.agreeing(None), agreeing);
    assert_eq!(comparison.blind_to(["DL1", "DL2"]), blind_to);
}

#[test]
fn a_rule_that_nothing_would_miss_is_named() {
    check(&[compared(&[(1, "DL1")], &[(1, "DL1")])], 1, &["DL2"]);
    check(&[compared(&[(1, "DL1"), (2, "DL2")], &[(1, "DL1"), (2, "DL2")])], 1, &[]);
    check(&[compared(&[(1, "DL1")], &[(2, "DL1")])], 0, &["DL1", "DL2"]);
    check(&[compared(&[], &[(1, "DL1")])], 0, &["DL1", "DL2"]);
    check(&[compared(&[(1, "DL1 error")], &[(1, "DL1 warning")])], 0, &["DL1", "DL2"]);
    // What hadolint cannot read is left out; what we alone cannot read is compared in all else.
    check(&[compared(&[], &[(1, "DL1000")])], 0, &["DL1", "DL2"]);
    check(&[compared(&[(1, "DL1000"), (1, "DL1")], &[(1, "DL1")])], 1, &["DL2"]);
}

#[test]
fn the_grammar_is_one() {
    let grammar = crate::Grammar::parse(&[include_str!("../../grammar/lint.txt")]).unwrap();
    let file = grammar.make("file", &mut crate::Random::new(1));
    assert!(file.contains("FROM") || file.contains("from"), "{file}");
}
