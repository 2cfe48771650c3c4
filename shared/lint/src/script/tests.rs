//! Scripts and the calls in them; what is a script and what is not was learned from hadolint.

use proptest::prelude::*;

use super::*;

fn calls(script: &str) -> Vec<String> {
    let words = |command: &Command<'_>| {
        let words = std::iter::once(&command.program).chain(&command.words);
        words.map(AsRef::as_ref).collect::<Vec<&str>>().join(" ")
    };
    Script::parse(script).commands.iter().map(words).collect()
}

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    assert_eq!(calls(script), expected, "{script}");
}

#[test]
fn commands_are_found_in_every_construct() {
    check("a b && c | d || e; f & g\nh", &["a b", "c", "d", "e", "f", "g", "h"]);
    check("if a; then b; elif c; then d; else e; fi", &["a", "b", "c", "d", "e"]);
    check("while a; do b; done; for x in 1 2; do c $x; done", &["a", "b", "c ${x}"]);
    check("for x in 1 2 do a; done; for x; do b; done; for ((x=1; x<2; x++)); do c; done", &["a", "b", "c"]);
    check("select x in 1; do a; done < f; until b; do c; done", &["a", "b", "c"]);
    check("case $x in a) b;; (c|d) e;& *) ;; esac; f", &["b", "e", "f"]);
    check("(a; b) > f && { c; d; }", &["a", "b", "c", "d"]);
    check("f() { a; }; function g { b; }; function h() (c); f", &["a", "b", "c", "f"]);
    check("X=1 Y=\"2 3\" a X=1; ! b; time -p c; coproc d; z=(1 2) e", &["a X=1", "b", "time", "c", "d", "e"]);
    check("[ a = b ] && c; [[ (a && b) || c < d ]] || e; ((x > 1)) && f", &["c", "e", "f"]);
    check("{ a; }; {b; }; A=b time c", &["a", "b", "time", "c"]);
}

#[test]
fn what_calls_another_is_that_other() {
    check("command a b; builtin c; exec -a n d e; exec -- f; busybox g", &["a b", "c", "d e", "f", "g"]);
    check("env a; sudo b; $x c; x$y d; exec $x", &["env a", "sudo b"]);
}

#[test]
fn substitutions_are_commands_too() {
    check("a $(b c) d", &["b c", "a $(b c) d"]);
    check("a \"x $(b) y\" `c`", &["b", "c", "a x $(b) y `c`"]);
    check("x=$(a) y=(1 $(b)); export z=$(c)", &["a", "b", "c", "export z=$(c)"]);
    check("a ${B:-c d} e ${f:-$(g)} $((1 + $(h)))", &["g", "h", "a ${B:-c d} e ${f:-$(g)} $((1 + $(h)))"]);
    check("a <(b) > $(c) <<< $(d)", &["b", "c", "d", "a "]);
    check("$((a b)); ((c d)); $((e))", &["a b", "c d"]);
    check("a `b \\`c\\``", &["c", "b `c`", "a `b \\`c\\``"]);
    check("`b` c", &["b"]);
    check("$(b; c) d", &["b", "c"]);
}

#[test]
fn quotes_comments_and_redirections_are_not_words() {
    check("'su'do \\a \"b c\" 'd e' $'f g'", &["sudo a b c d e f g"]);
    check("a # b\nc d#e", &["a", "c d#e"]);
    check("a > /x 2>&1 < y b >> z c &> w >&- d", &["a b c d"]);
    check("a 1 2>/dev/null; > b c", &["a 1", "c"]);
    check("a \"$x\" $y$z ${w} $1 $ é", &["a ${x} ${y}${z} ${w} ${1} $ é"]);
    check("a b{c,d}e {1..3} {f} !(g)", &["a be  {f} "]);
    check("a <<E b\nc\nE\nd", &["a b", "d"]);
    check("", &[]);
}

#[test]
fn what_is_not_closed_is_no_script() {
    for script in [
        "a \"b",
        "a 'b",
        "a `b",
        "a $(b",
        "a ${b",
        "(a",
        "{ a",
        "{ a b }",
        "if a",
        "if a; then fi",
        "while a; do done",
        "a &&",
        "a |",
        "&& a",
        "a > ",
        "a; [ b",
        "[a]",
        "a ()",
        "f() a",
        "for 1 in a; do b; done",
        "a; if",
        "! && a",
    ] {
        check(script, &[]);
    }
}

#[test]
fn what_stands_behind_a_whole_list_is_left_alone() {
    for script in ["a;;b", "a ;; b", "a; ; b", "a )", "a; }", "a; fi", "a & & b", "a; b(", "a; &&"] {
        assert_eq!(calls(script).first().map(String::as_str), Some("a"), "{script}");
    }
}

#[test]
fn pipes_are_those_of_commands() {
    for (script, expected) in [
        ("a | b", true),
        ("a |& b", true),
        ("a $(b | c)", true),
        ("a `b | c`", true),
        ("a || b", false),
        ("case a in b|c) d;; esac", false),
        ("[[ a =~ (b|c) ]]", false),
        ("a 'b | c'", false),
    ] {
        assert_eq!(Script::parse(script).has_pipe, expected, "{script}");
    }
}

#[test]
fn flags_are_letters_or_names() {
    let script = Script::parse("a -xy=1 --long=2 --o b -t c -- - d");
    let call = &script.commands[0];
    assert!(
        call.has_flag(&["x"]) && call.has_flag(&["y"]) && call.has_flag(&["o"]) && call.has_flag(&["long"])
    );
    assert!(!call.has_flag(&["xy"]) && !call.has_flag(&["1"]) && !call.has_flag(&["lo"]));
    assert_eq!(call.operands().collect::<Vec<_>>(), ["b", "c", "--", "-", "d"]);
    assert_eq!(call.operands_besides(&["t", "long"]).collect::<Vec<_>>(), ["b", "--", "-", "d"]);
    assert_eq!(call.values_of(&["t", "o"]).collect::<Vec<_>>(), ["b", "c"]);
}

#[test]
fn deep_nesting_is_no_danger() {
    for opening in ["$(", "(", "`a", "$((", "((", "${a:-", "{ ", "if a; then ", "\"$(", "\\`"] {
        assert!(calls(&opening.repeat(5_000)).len() <= 5_000);
    }
    check(&format!("{}a{}", "( ".repeat(40), " )".repeat(40)), &["a"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_script_is_read_without_panic(script in "([a-z$(){}`'\"\\\\;&|<># \n=!é\u{a0}]|if |then |fi;|do |case |in |esac|\\[ |<<E|\\$\\(){0,60}") {
        for command in Script::parse(&script).commands {
            prop_assert!(command.program.len() <= script.len() + 2);
        }
    }
}
