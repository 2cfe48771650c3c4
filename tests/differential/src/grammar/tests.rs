//! What a grammar file says is what is made.

use super::*;

#[track_caller]
fn check(grammar: &str, expected: &[&str]) {
    let grammar = Grammar::parse(&[grammar]).unwrap();
    let mut found: Vec<String> = (0..200).map(|seed| grammar.make("file", &mut Random::new(seed))).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, expected);
}

#[test]
fn alternatives_and_repetitions_are_all_made() {
    check("%file\nFROM <name>\\n\n%name\na\n3 b\n", &["FROM a\n", "FROM b\n"]);
    check("%file\n<a?>x\n%a\na\n", &["ax", "x"]);
    check("%file\n<a*>\n%a\na\n", &["", "a", "aa", "aaa"]);
    check("%file\n1\n", &[""]);
    check("# no symbol\n%file\n<<E\\s\\\\\\u{3c}\n", &["<<E \\<"]);
    check("%file\n<escape><escape=BACKTICK><escape>\n", &["\\`"]);
    check("%file\na\n0 never\n", &["a"]);
}

#[test]
fn a_grammar_that_cannot_be_meant_says_where() {
    let line = |text: &str| Grammar::parse(&[text]).unwrap_err().line;
    assert_eq!(line("x\n"), 1);
    assert_eq!(line("%file\n<a\n"), 2);
    assert_eq!(line("%file\n<a b>\n"), 2);
    assert_eq!(line("%file\n\\q\n"), 2);
    assert_eq!(line("%file\n<a>\n"), 0);
    assert_eq!(line("%file\n\\u{110000}\n"), 2);
}
