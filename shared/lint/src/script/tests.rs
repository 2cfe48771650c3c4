//! Scripts and the calls in them.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let found: Vec<String> = commands(script)
        .into_iter()
        .map(|command| std::iter::once(command.program).chain(command.words).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(found, expected, "{script}");
}

#[test]
fn commands_are_found_in_every_construct() {
    check("a b && c | d || e; f & g\nh", &["a b", "c", "d", "e", "f", "g", "h"]);
    check("if a; then b; elif c; then d; else e; fi", &["a", "b", "c", "d", "e"]);
    check("while a; do b; done; for x in 1 2; do c $x; done", &["a", "b", "c $x"]);
    // A pattern looks like a command; it is harmless as one.
    check("case $x in a) b;; c|d) e;; esac", &["b", "c", "d", "e"]);
    check("(a; b) && { c; d; }", &["a", "b", "c", "d"]);
    check("f() { a; }; f", &["f", "a", "f"]);
    check("X=1 Y=\"2 3\" a X=1; ! b; time c; exec d; command e", &["a X=1", "b", "c", "d", "e"]);
}

#[test]
fn substitutions_are_commands_too() {
    check("a $(b c) d", &["b c", "a $() d"]);
    check("a \"x $(b) y\" `c`", &["b", "c", "a x $() y $()"]);
    check("x=$(a)", &["a"]);
    check("a ${B:-c d} e", &["a ${B:-c d} e"]);
}

#[test]
fn quotes_comments_and_redirections_are_not_words() {
    check("'su'do \\a \"b c\" 'd e'", &["sudo a b c d e"]);
    check("a # b\nc d#e", &["a", "c d#e"]);
    check("a > /x 2>&1 < y b >> z c &> w", &["a b c"]);
    check("a 1 2>/dev/null", &["a 1"]);
    check("echo \"a", &["echo a"]);
    check("", &[]);
}

#[test]
fn deep_nesting_is_no_danger() {
    assert_eq!(commands(&"$(".repeat(100_000)).len(), 100_000);
    assert_eq!(commands(&"(".repeat(100_000)).len(), 0);
    assert_eq!(commands(&"`a".repeat(100_000)).len(), 50_001);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_script_is_read_without_panic(script in "[a-z$(){}`'\"\\\\;&|<># \n=]{0,80}") {
        for command in commands(&script) {
            prop_assert!(command.program.len() <= script.len() + 2);
        }
    }
}
