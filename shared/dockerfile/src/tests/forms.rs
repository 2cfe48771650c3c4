//! Every form a Dockerfile may take, as one line an instruction.

use crate::{Arguments, Dockerfile, Escape, HeredocBody, HeredocTabs, Instruction, Keyword, ParseErrorKind};

/// `FIRST-LAST KEYWORD --flag=value | argument | argument <<name:body`
fn outline(instruction: &Instruction, file: &Dockerfile) -> String {
    let mut line = format!("{}-{} {}", instruction.line, instruction.last_line, instruction.keyword);
    for flag in &instruction.flags {
        line.push_str(&format!(" --{}", flag.name));
        line.extend(flag.value.iter().map(|value| format!("={value}")));
    }
    line.push_str(&arguments(&instruction.arguments, file));
    for heredoc in &instruction.heredocs {
        line.push_str(&format!(" <<{}:{:?}", heredoc.name, file.source(&heredoc.body)));
    }
    line
}

fn arguments(arguments: &Arguments, file: &Dockerfile) -> String {
    match arguments {
        Arguments::None => String::new(),
        Arguments::Text(word) => format!(" | {}", word.text),
        Arguments::Words(words) => words.iter().map(|word| format!(" | {}", word.text)).collect(),
        Arguments::List(items, _) => format!(" | {items:?}"),
        Arguments::Pairs(pairs) => pairs
            .iter()
            .map(|pair| match &pair.value {
                Some(value) => format!(" | {}={}", pair.name.text, value.text),
                None => format!(" | {}", pair.name.text),
            })
            .collect(),
        Arguments::Healthcheck(kind, command) => {
            format!(" | {}{}", kind.text, self::arguments(command, file))
        }
        Arguments::Trigger(trigger) => format!(" ({})", outline(trigger, file)),
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let file = Dockerfile::read(text);
    let outlines: Vec<String> = file.instructions().map(|instruction| outline(instruction, &file)).collect();
    assert_eq!(outlines, expected, "{text}");
    assert_eq!(file.to_string(), text);
    assert_eq!(file.errors(), [], "{text}");
}

#[test]
fn plain_instructions() {
    check(
        "FROM --platform=linux/amd64 alpine:3 AS a\nRUN  echo  a \nUSER 1:1\nWORKDIR /w\nEXPOSE 80 443/tcp\n",
        &[
            "1-1 FROM --platform=linux/amd64 | alpine:3 | AS | a",
            "2-2 RUN | echo  a",
            "3-3 USER | 1:1",
            "4-4 WORKDIR | /w",
            "5-5 EXPOSE | 80 | 443/tcp",
        ],
    );
}

#[test]
fn every_keyword_is_found_by_its_name() {
    for keyword in Keyword::ALL {
        assert_eq!(Keyword::of(keyword.as_str()), keyword);
        assert_eq!(Keyword::of(&keyword.as_str().to_lowercase()), keyword);
        assert_eq!(Keyword::of(&format!("{keyword}S")), Keyword::Unknown);
    }
}

#[test]
fn keywords_in_any_case_and_with_indent() {
    check("\tfrom a as b\n  Run x", &["1-1 FROM | a | as | b", "2-2 RUN | x"]);
}

#[test]
fn continuations_with_comments_and_blank_lines() {
    check(
        "FROM a\nRUN x \\\n# a comment\n  # another\n\n && y \\  \n && z\nUSER u\n",
        &["1-1 FROM | a", "2-7 RUN | x  && y  && z", "8-8 USER | u"],
    );
    check("\\\nFROM \\\n a\\\nlpine AS \\\nb", &["1-5 FROM | alpine | AS | b"]);
    check("FROM a\nRUN x \\", &["1-1 FROM | a", "2-2 RUN | x"]);
    // A comment's own escape continues nothing; an escaped escape neither.
    check("# c \\\nFROM a\nRUN x \\\\\nUSER u\n", &["2-2 FROM | a", "3-3 RUN | x \\\\", "4-4 USER | u"]);
}

#[test]
fn both_escapes() {
    check(
        "# escape=`\nFROM a\nRUN dir c:\\ `\n & echo\nCOPY a c:\\\\\nENV A=b` c",
        &["2-2 FROM | a", "3-4 RUN | dir c:\\  & echo", "5-5 COPY | a | c:\\\\", "6-6 ENV | A=b` c"],
    );
    assert_eq!(Dockerfile::read("#  Escape = ` \nFROM a").escape(), Escape::Backtick);
    assert_eq!(Dockerfile::read("# x\n# escape=`\nFROM a").escape(), Escape::Backslash, "not at the top");
    assert_eq!(
        Dockerfile::read("# foo=1\n# escape=`\nFROM a").escape(),
        Escape::Backslash,
        "behind an unknown"
    );
}

#[test]
fn byte_order_mark_and_carriage_returns() {
    check(
        "\u{feff}FROM a\r\nRUN x \\\r\n  && y\r\n\r\n# c\r\nUSER u\r\n",
        &["1-1 FROM | a", "2-3 RUN | x   && y", "6-6 USER | u"],
    );
    check("\u{feff}# escape=`\r\nFROM a`\r\nb", &["2-3 FROM | ab"]);
}

#[test]
fn json_lists_and_what_only_looks_like_one() {
    check(
        "FROM a\nRUN [\"a\", \"b \\\"c\\u0041\"]\nCMD []\nENTRYPOINT [\"x\" ,\"y\"] \nCOPY [\"a b\", \"/c\"]\nVOLUME [\"/v\"]\n",
        &[
            "1-1 FROM | a",
            "2-2 RUN | [\"a\", \"b \\\"cA\"]",
            "3-3 CMD | []",
            "4-4 ENTRYPOINT | [\"x\", \"y\"]",
            "5-5 COPY | [\"a b\", \"/c\"]",
            "6-6 VOLUME | [\"/v\"]",
        ],
    );
    check(
        "FROM a\nRUN [ -f x ] && y\nCMD ['a']",
        &["1-1 FROM | a", "2-2 RUN | [ -f x ] && y", "3-3 CMD | ['a']"],
    );
    check("FROM a\nSHELL [\"/bin/sh\", \\\n \"-c\"]", &["1-1 FROM | a", "2-3 SHELL | [\"/bin/sh\", \"-c\"]"]);
}

#[test]
fn definitions() {
    check(
        "ARG A B=1 C=\"x y\"\nFROM a\nENV A=b C=\"d e\" F=g\\ h\nENV old  style value\nLABEL a.b='c d' \\\n e=\n",
        &[
            "1-1 ARG | A | B=1 | C=\"x y\"",
            "2-2 FROM | a",
            "3-3 ENV | A=b | C=\"d e\" | F=g\\ h",
            "4-4 ENV | old=style value",
            "5-6 LABEL | a.b='c d' | e=",
        ],
    );
}

#[test]
fn deferred_and_health() {
    check(
        "FROM a\nONBUILD COPY --from=b . /app\nHEALTHCHECK --interval=5s CMD curl -f x || exit 1\nhealthcheck none\nHEALTHCHECK CMD [\"x\"]",
        &[
            "1-1 FROM | a",
            "2-2 ONBUILD (2-2 COPY --from=b | . | /app)",
            "3-3 HEALTHCHECK --interval=5s | CMD | curl -f x || exit 1",
            "4-4 HEALTHCHECK | none",
            "5-5 HEALTHCHECK | CMD | [\"x\"]",
        ],
    );
}

#[test]
fn flags_with_quotes_and_their_end() {
    check(
        "FROM a\nCOPY --from=\"b\" --link --ch\\own='c d' x /y\nRUN --mount=type=cache,target=/c --x -- --y z\nCOPY -- --from=a /b",
        &[
            "1-1 FROM | a",
            "2-2 COPY --from=b --link --chown=c d | x | /y",
            "3-3 RUN --mount=type=cache,target=/c --x | --y z",
            "4-4 COPY | --from=a | /b",
        ],
    );
}

#[test]
fn heredocs_in_every_form() {
    check(
        "FROM a\nRUN <<EOF\nFROM b\nEOF\nUSER u",
        &["1-1 FROM | a", "2-4 RUN | <<EOF <<EOF:\"FROM b\\n\"", "5-5 USER | u"],
    );
    check(
        "FROM a\nRUN python3 <<EOF > /o\nx\nEOF\n",
        &["1-1 FROM | a", "2-4 RUN | python3 <<EOF > /o <<EOF:\"x\\n\""],
    );
    check(
        "FROM a\nRUN --mount=type=cache,target=/c <<E cat\nE\n",
        &["1-1 FROM | a", "2-3 RUN --mount=type=cache,target=/c | <<E cat <<E:\"\""],
    );
    check("FROM a\nRUN <<-E\n\tx\n\t\tE\n", &["1-1 FROM | a", "2-4 RUN | <<-E <<E:\"\\tx\\n\""]);
    check(
        "FROM a\nCOPY <<\"A\" <<B /d/\n$X\nA\nFROM z\nB\n",
        &["1-1 FROM | a", "2-6 COPY | <<\"A\" | <<B | /d/ <<A:\"$X\\n\" <<B:\"FROM z\\n\""],
    );
    check("FROM a\nADD \\\n <<E \\\n /x\n\\\nE\n", &["1-1 FROM | a", "2-6 ADD | <<E | /x <<E:\"\\\\\\n\""]);
    check(
        "FROM a\nONBUILD RUN <<E\nx\nE\nUSER u",
        &["1-1 FROM | a", "2-4 ONBUILD (2-2 RUN | <<E) <<E:\"x\\n\"", "5-5 USER | u"],
    );
    check(
        "FROM a\r\nRUN <<E\r\nx\r\nE\r\nUSER u",
        &["1-1 FROM | a", "2-4 RUN | <<E <<E:\"x\\r\\n\"", "5-5 USER | u"],
    );
}

#[test]
fn what_is_no_heredoc() {
    check(
        "FROM a\nRUN echo \"<<E\"\nRUN cat <<< x\nRUN echo $((1<<2))\nUSER u",
        &[
            "1-1 FROM | a",
            "2-2 RUN | echo \"<<E\"",
            "3-3 RUN | cat <<< x",
            "4-4 RUN | echo $((1<<2))",
            "5-5 USER | u",
        ],
    );
    check(
        "FROM a\nRUN [\"x\", \"<<E\"]\nCMD x <<E\nUSER u",
        &["1-1 FROM | a", "2-2 RUN | [\"x\", \"<<E\"]", "3-3 CMD | x <<E", "4-4 USER | u"],
    );
}

#[test]
fn heredoc_bodies_know_how_they_are_read() {
    let file = Dockerfile::parse("FROM a\nCOPY <<'A' <<-B /d/\nA\nB\n").unwrap();
    let copy = file.instructions().nth(1).unwrap();
    let read: Vec<_> =
        copy.heredocs.iter().map(|heredoc| (heredoc.body_is, heredoc.tabs, heredoc.line)).collect();
    assert_eq!(
        read,
        [(HeredocBody::Verbatim, HeredocTabs::Kept, 3), (HeredocBody::Expanded, HeredocTabs::Stripped, 4)]
    );
}

#[track_caller]
fn check_error(text: &str, line: usize, expected: &dyn Fn(&ParseErrorKind) -> bool) {
    let errors = Dockerfile::parse(text).expect_err(text);
    let [error] = errors.0.as_slice() else { panic!("{text}: {errors}") };
    assert!(expected(&error.kind), "{text}: {error}");
    assert_eq!(error.line, line, "{text}: {error}");
    assert!(text.get(error.span.clone()).is_some(), "{text}: {error:?}");
    assert_eq!(Dockerfile::read(text).to_string(), text);
}

#[test]
fn mistakes_that_nobody_reads_are_counted() {
    let file = Dockerfile::read(&"x\n".repeat(1500));
    let [first, .., before, last] = file.errors() else { panic!("{:?}", file.errors()) };
    assert_eq!(file.errors().len(), 1001);
    // One is that there is no FROM.
    assert_eq!((first.line, before.line, last.line), (1, 999, 1000));
    assert_eq!(last.kind, ParseErrorKind::More(501));
    assert_eq!(Dockerfile::read(&"x\n".repeat(999)).errors().len(), 1000);
}

#[test]
fn mistakes_say_where_and_what() {
    use ParseErrorKind as Kind;
    check_error("", 1, &|kind| *kind == Kind::NoInstructions);
    check_error("# only a comment\n\n", 1, &|kind| *kind == Kind::NoInstructions);
    check_error("\nARG X\n", 2, &|kind| *kind == Kind::NoStage);
    check_error("FROM a\nFOO bar", 2, &|kind| matches!(kind, Kind::UnknownInstruction(_)));
    check_error("FROM\u{a0}a\nFROM b", 1, &|kind| matches!(kind, Kind::UnknownInstruction(_)));
    check_error("RUN x\nFROM a", 1, &|kind| matches!(kind, Kind::OutsideStage(_)));
    check_error("FROM a b\nRUN x", 1, &|kind| *kind == Kind::FromArguments(2));
    check_error("FROM\nRUN x", 1, &|kind| *kind == Kind::FromArguments(0));
    check_error("FROM a AS 1\nRUN x", 1, &|kind| matches!(kind, Kind::InvalidStageName(_)));
    check_error("FROM a\nCOPY x", 2, &|kind| matches!(kind, Kind::MissingArgument(_)));
    check_error("FROM a\nENV x", 2, &|kind| matches!(kind, Kind::LacksValue(_)));
    check_error("FROM a\nONBUILD", 2, &|kind| matches!(kind, Kind::MissingArgument(_)));
    check_error("FROM a\nHEALTHCHECK CMD", 2, &|kind| matches!(kind, Kind::MissingArgument(_)));
    check_error("FROM a\nENV A=b c", 2, &|kind| matches!(kind, Kind::NotAPair { .. }));
    check_error("FROM a\nLABEL =b", 2, &|kind| matches!(kind, Kind::BlankName(_)));
    check_error("FROM a\nRUN [\"a\", 1]", 2, &|kind| matches!(kind, Kind::NotStrings(_)));
    check_error("FROM a\nSHELL sh -c", 2, &|kind| *kind == Kind::ShellNotJson);
    check_error("FROM a\nHEALTHCHECK curl x", 2, &|kind| matches!(kind, Kind::UnknownHealthcheck(_)));
    check_error("FROM a\nHEALTHCHECK CMD\u{a0}x", 2, &|kind| matches!(kind, Kind::UnknownHealthcheck(_)));
    check_error("FROM a\nONBUILD FROM b", 2, &|kind| matches!(kind, Kind::ForbiddenTrigger(_)));
    check_error("FROM a\nONBUILD ONBUILD RUN x", 2, &|kind| matches!(kind, Kind::ForbiddenTrigger(_)));
    check_error("FROM a\nRUN <<E\nx", 2, &|kind| matches!(kind, Kind::UnterminatedHeredoc(_)));
    check_error("FROM a\nCOPY x <<E\nE", 2, &|kind| matches!(kind, Kind::HeredocDestination(_)));
    check_error("# escape=x\nFROM a", 1, &|kind| matches!(kind, Kind::InvalidEscape(_)));
    check_error("# escape= \nFROM a", 1, &|kind| matches!(kind, Kind::InvalidEscape(_)));
    check_error("# escape=`\n# escape=`\nFROM a", 2, &|kind| matches!(kind, Kind::DuplicateDirective(_)));
    check_error("FROM a\nRUN a\0b\0", 2, &|kind| *kind == Kind::NulByte);
    check_error("FROM a\nCOPY --chown=\u{e0}--from=x y /z", 2, &|kind| {
        matches!(kind, Kind::FlagCharacter(_))
    });
    check_error(&format!("FROM a\nRUN {}\n", "x".repeat(70_000)), 2, &|kind| *kind == Kind::LineTooLong);
}

#[test]
fn reading_goes_on_behind_a_mistake() {
    let file = Dockerfile::read("FORM a\nFROM b\nCOPY x\nFOO\nUSER u\n");
    let lines: Vec<usize> = file.errors().iter().map(|error| error.line).collect();
    assert_eq!(lines, [1, 3, 4]);
    assert_eq!(file.instructions().count(), 5);
    assert_eq!(file.errors().first().unwrap().hint(), "did you mean FROM?");
    let errors = Dockerfile::parse("FROM a b\n").unwrap_err().to_string();
    assert!(
        errors.starts_with("line 1: FROM has 2 arguments") && errors.contains("; write FROM <image>"),
        "{errors}"
    );
}

#[test]
fn bytes_that_are_no_text_are_told_with_their_place() {
    let wrong = Dockerfile::text_of(b"FROM a\nRUN \xff").unwrap_err();
    assert_eq!((wrong.line, wrong.offset), (2, 11));
    assert_eq!(Dockerfile::text_of(b"FROM a"), Ok("FROM a"));
}
