//! Expansion and heredoc words against what BuildKit documents and does.

use super::*;
use crate::expand::Budget;

fn lookup(name: &str) -> Value {
    match name {
        "X" => Value::Set("value".to_owned()),
        "E" => Value::Set(String::new()),
        "P" => Value::Set("a/b/c".to_owned()),
        "ARCH" => Value::Unknown("it depends".to_owned()),
        "BIG" => Value::Set("x".repeat(1000)),
        _ => Value::Unset,
    }
}

#[track_caller]
fn check(word: &str, expected: &str) {
    assert_eq!(expand(word, '\\', &lookup, &Budget::new(1 << 20)).as_deref(), Ok(expected), "{word}");
}

#[track_caller]
fn check_refused(word: &str, expected: &dyn Fn(&ShellError) -> bool) {
    let error = expand(word, '\\', &lookup, &Budget::new(1 << 20)).expect_err(word);
    assert!(expected(&error), "{word}: {error:?}");
}

#[test]
fn variables_are_replaced() {
    check("a$X-$U.", "avalue-.");
    check("${X}${U}", "value");
    check("${U:-y}${E:-y}${X:-y}", "yyvalue");
    check("${U-y}${E-y}${X-y}", "yvalue");
    check("${U:+y}${E:+y}${X:+y}", "y");
    check("${U+y}${E+y}${X+y}", "yy");
    check("${X:?needed}", "value");
    check("${U:-${X:+deep}}", "deep");
    check("${P#*/}|${P##*/}|${P%/*}|${P%%/*}", "b/c|c|a/b|a");
    check("${X/a/b}|${P/\\//-}|${P//\\//-}", "vblue|a-b/c|a-b-c");
    check("${X/l*e/$P}|${X//[ae]/}|${U/a/b}|${X/a/}", "vaa/b/c|value||vlue");
    check("$", "$");
    check("$$X", "X");
}

#[test]
fn quotes_and_escapes_go() {
    check("'$X'", "$X");
    check("\"$X\"", "value");
    check("\\$X", "$X");
    check("\"a\\\"b\\c\"", "a\"b\\c");
    check("a\\b", "ab");
    assert_eq!(expand("a`$X", '`', &lookup, &Budget::new(1 << 20)).as_deref(), Ok("a$X"), "the other escape");
}

#[test]
fn what_cannot_be_expanded_says_why() {
    check_refused("${X", &|error| *error == ShellError::OpenBrace);
    check_refused("${X:-y", &|error| *error == ShellError::OpenBrace);
    check_refused("${}", &|error| *error == ShellError::BadSubstitution);
    check_refused("'a", &|error| *error == ShellError::OpenQuote('\''));
    check_refused("\"a", &|error| *error == ShellError::OpenQuote('"'));
    check_refused("${U:?give it}", &|error| matches!(error, ShellError::Required { .. }));
    check_refused("${E:?}", &|error| matches!(error, ShellError::Required { .. }));
    check_refused("${X/a}", &|error| *error == ShellError::OpenBrace);
    check_refused("${X//a/\\$1}", &|error| matches!(error, ShellError::Modifier(_)));
    check_refused("${X:/a/b}", &|error| matches!(error, ShellError::Modifier(_)));
    check_refused("${X:0:3}", &|error| matches!(error, ShellError::Modifier(_)));
    check_refused("$ARCH", &|error| matches!(error, ShellError::Unknown(_)));
    check_refused("${ARCH:-amd64}", &|error| matches!(error, ShellError::Unknown(_)));
    check_refused("${größe}", &|error| *error == ShellError::NameCharacter);
}

#[test]
fn growth_and_depth_have_bounds() {
    check_refused(&"$BIG".repeat(100), &|error| *error == ShellError::TooLong);
    let deep = format!("{}x{}", "${U:-".repeat(100_000), "}".repeat(100_000));
    check_refused(&deep, &|error| *error == ShellError::TooDeep);
    check_refused(&format!("${{BIG#{}}}", "x".repeat(1000)), &|error| *error == ShellError::TooLong);
    check_refused("${BIG//x/$BIG}", &|error| *error == ShellError::TooLong);
}

#[track_caller]
fn check_words(line: &str, expected: &[&str]) {
    assert_eq!(heredoc_words(line, Builder::Newest).unwrap_or_default(), expected, "{line}");
}

#[test]
fn heredoc_operators_are_found_where_the_official_reader_finds_them() {
    check_words("RUN cat <<EOF > /x", &["RUN", "cat", "<<EOF", ">", "/x"]);
    check_words("RUN << EOF", &["RUN", "<< EOF"]);
    check_words("RUN echo \"<<EOF x\"", &["RUN", "echo", "\"<<EOF x\""]);
    check_words("RUN a\\ <<EOF", &["RUN", "a\\ <<EOF"]);
    check_words("RUN ${A:0:3} <<EOF", &["RUN", "${A:0:3}", "<<EOF"]);
    // What stands before a nested word in the same word is lost, there and here.
    check_words("RUN <<EOF${A:-x}", &["RUN", "${A:-x}"]);
    check_words("RUN it's <<EOF", &[]);
}

#[track_caller]
fn check_name(text: &str, expected: Option<(&str, HeredocBody)>) {
    let expected = expected.map(|(name, body)| (name.to_owned(), body));
    assert_eq!(heredoc_name(text, Builder::Newest), Ok(expected), "{text}");
}

#[test]
fn a_quoted_heredoc_name_keeps_the_body_as_it_is() {
    check_name("EOF", Some(("EOF", HeredocBody::Expanded)));
    check_name("'EOF'", Some(("EOF", HeredocBody::Verbatim)));
    check_name("E\"O\"F", Some(("EOF", HeredocBody::Verbatim)));
    check_name("A B", None);
    check_name("$X", Some(("$X", HeredocBody::Expanded)));
}
