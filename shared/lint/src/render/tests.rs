//! Each format on the same two files: one with findings that are hard to quote, one without any.

use dockerfile::Edit;
use serde_json::{Value, json};
use time::macros::datetime;

use super::*;
use crate::finding::Level;

const TEXT: &str = "FROM debian\nMAINTAINER a<b\n";

fn findings() -> Vec<Finding> {
    let finding = |line, span, code: &'static str, level, message: &'static str, fix| Finding {
        line,
        span,
        code: code.into(),
        level,
        message: message.into(),
        fix,
    };
    let fix = vec![Edit { span: 12..22, replacement: "LABEL authors=".to_owned() }];
    vec![
        finding(1, Some(5..11), "DL3006", Level::Warning, "Give it a \"tag\", 100%:\nnow.\u{1b}", vec![]),
        finding(2, Some(12..22), "DL4000", Level::Error, "No <MAINTAINER> & co.", fix),
    ]
}

fn report(format: Format, colour: Colour) -> String {
    let findings = findings();
    let mut report = Report::new(format, colour, datetime!(2026-11-25 12:00 UTC));
    let mut out = String::new();
    report.begin(&mut out);
    report.file(&mut out, &Judged { path: "a,b/Dockerfile", text: TEXT, findings: &findings });
    report.file(&mut out, &Judged { path: "good", text: "FROM a:1\n", findings: &[] });
    report.end(&mut out);
    out
}

#[track_caller]
fn check(format: Format, expected: &str) {
    assert_eq!(report(format, Colour::Plain), expected);
}

fn parsed(format: Format) -> Value {
    serde_json::from_str(&report(format, Colour::Plain)).unwrap()
}

#[test]
fn people_see_what_is_read() {
    let text = "RUN echo \u{1b}[2J\u{202e}txt\u{2069} \u{9b}K\n";
    let finding = Finding {
        line: 1,
        span: Some(9..13),
        code: "DL3008".into(),
        level: Level::Warning,
        message: "\u{2066}a\r".into(),
        fix: Vec::new(),
    };
    let mut report = Report::new(Format::Tty, Colour::Plain, datetime!(2026-11-25 12:00 UTC));
    let mut out = String::new();
    report.file(&mut out, &Judged { path: "\u{7}a", text, findings: &[finding] });
    assert_eq!(
        out,
        " a:1 DL3008 warning: \u{fffd}a \n 1 | RUN echo  [2J\u{fffd}txt\u{fffd}  K\n   |          ^^^^\n"
    );
}

#[test]
fn a_byte_order_mark_takes_no_place() {
    let mut report = Report::new(Format::Tty, Colour::Plain, datetime!(2026-11-25 12:00 UTC));
    let mut out = String::new();
    let finding = Finding { span: None, ..findings().remove(0) };
    report.file(&mut out, &Judged { path: "a", text: "\u{feff}FROM a\n", findings: &[finding] });
    assert!(out.ends_with("\n 1 | FROM a\n   | ^^^^^^\n"), "{out:?}");
}

#[test]
fn people_see_the_line_the_place_and_the_change() {
    check(
        Format::Tty,
        "a,b/Dockerfile:1 DL3006 warning: Give it a \"tag\", 100%: now. \n\
         \x201 | FROM debian\n\
         \x20  |      ^^^^^^\n\
         a,b/Dockerfile:2 DL4000 error: No <MAINTAINER> & co.\n\
         \x202 | MAINTAINER a<b\n\
         \x20  | ^^^^^^^^^^\n\
         \x20  = fix: `MAINTAINER` -> `LABEL authors=`\n",
    );
    let coloured = report(Format::Tty, Colour::Ansi);
    assert!(coloured.contains("DL4000 \u{1b}[1;91merror\u{1b}[0m: No"), "{coloured}");
}

#[test]
fn an_excerpt_survives_any_line() {
    let long = format!("RUN {} \u{e9}\u{e9}\u{e9}x\n", "y".repeat(400));
    for (text, line, span) in [
        (long.as_str(), 1, Some(405..411)),
        (long.as_str(), 1, Some(0..9000)),
        (long.as_str(), 1, None),
        ("\tUSER \t root\r\n", 1, None),
        ("\n", 1, None),
        ("FROM a", 9, Some(3..4)),
        ("", 0, Some(0..0)),
        ("RUN \u{e9}\n", 1, Some(5..6)),
    ] {
        let finding =
            Finding { line, span, code: "X".into(), level: Level::Info, message: "m".into(), fix: vec![] };
        let mut out = String::new();
        let judged = Judged { path: "p", text, findings: &[finding] };
        Report::new(Format::Tty, Colour::Plain, OffsetDateTime::UNIX_EPOCH).file(&mut out, &judged);
        assert!(out.starts_with(&format!("p:{line} X info: m\n")), "{out}");
        assert!(out.lines().all(|line| line.chars().count() < 200), "{out}");
        assert!(out.lines().count() <= 3, "{out}");
    }
}

#[test]
fn json_has_the_fields_of_hadolint() {
    let message = "Give it a \"tag\", 100%:\nnow.\u{1b}";
    let expected = json!([
        {"file": "a,b/Dockerfile", "line": 1, "column": 1, "level": "warning", "code": "DL3006", "message": message},
        {"file": "a,b/Dockerfile", "line": 2, "column": 1, "level": "error", "code": "DL4000", "message": "No <MAINTAINER> & co."},
    ]);
    assert_eq!(parsed(Format::Json), expected);
}

#[test]
fn lines_for_compilers_and_for_github() {
    check(
        Format::Gnu,
        "plimsoll:a,b/Dockerfile:1: DL3006 warning: Give it a \"tag\", 100%: now. \n\
         plimsoll:a,b/Dockerfile:2: DL4000 error: No <MAINTAINER> & co.\n",
    );
    check(
        Format::Github,
        "::warning file=a%2Cb/Dockerfile,line=1,col=1,title=DL3006::Give it a \"tag\", 100%25:%0Anow.\u{1b}\n\
         ::error file=a%2Cb/Dockerfile,line=2,col=1,title=DL4000::No <MAINTAINER> & co.\n",
    );
}

#[test]
fn issue_trackers_get_their_own_words() {
    let gitlab = parsed(Format::GitlabCodeClimate);
    let prints: Vec<&str> =
        gitlab.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert!(prints.iter().all(|print| print.len() == 40) && prints[0] != prints[1], "{prints:?}");
    assert_eq!(gitlab[1]["severity"], "blocker");
    assert_eq!(gitlab[0]["location"], json!({"path": "a,b/Dockerfile", "lines": {"begin": 1, "end": 1}}));
    let objects = report(Format::CodeClimate, Colour::Plain);
    let issues: Vec<Value> =
        objects.split_terminator('\0').map(|issue| serde_json::from_str(issue).unwrap()).collect();
    assert_eq!((issues.len(), &issues[0]["check_name"]), (2, &json!("DL3006")));
    let objects = report(Format::Codacy, Colour::Plain);
    let results: Vec<Value> =
        serde_json::Deserializer::from_str(&objects).into_iter().map(Result::unwrap).collect();
    assert_eq!(results[1]["patternId"], "DL4000");
    let sonarqube = parsed(Format::Sonarqube);
    assert_eq!(
        (&sonarqube["issues"][0]["severity"], &sonarqube["issues"][0]["type"]),
        (&json!("MAJOR"), &json!("CODE_SMELL"))
    );
    let sarif = parsed(Format::Sarif);
    let results = &sarif["runs"][0]["results"];
    assert_eq!((results.as_array().unwrap().len(), &results[0]["level"]), (2, &json!("warning")));
    assert_eq!(sarif["runs"][0]["tool"]["driver"]["name"], "plimsoll");
}

#[test]
fn xml_is_escaped() {
    check(
        Format::Checkstyle,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><checkstyle version=\"4.3\"><file name=\"a,b/Dockerfile\">\
         <error line=\"1\" column=\"1\" severity=\"warning\" message=\"Give it a &quot;tag&quot;, 100%:&#10;now.\u{fffd}\" source=\"DL3006\"/>\
         <error line=\"2\" column=\"1\" severity=\"error\" message=\"No &lt;MAINTAINER&gt; &amp; co.\" source=\"DL4000\"/>\
         </file><file name=\"good\"/></checkstyle>\n",
    );
    let junit = report(Format::Junit, Colour::Plain);
    assert!(junit.contains("name=\"plimsoll lint at 2026-11-25T12:00:00Z\""), "{junit}");
    assert!(junit.contains("<testsuite name=\"good\" tests=\"1\" failures=\"0\" errors=\"0\">"), "{junit}");
    assert_eq!(junit.matches("<failure ").count(), 2);
}

#[test]
fn a_report_without_files_is_well_formed() {
    for format in Format::ALL {
        let report = Report::new(format, Colour::Plain, OffsetDateTime::UNIX_EPOCH);
        let mut out = String::new();
        report.begin(&mut out);
        report.end(&mut out);
        if report.is_list() {
            serde_json::from_str::<Value>(&out).unwrap();
        }
        assert_eq!(format.as_str().parse(), Ok(format));
    }
    assert_eq!("xx".parse::<Format>(), Err(InvalidFormat("xx".to_owned())));
}
