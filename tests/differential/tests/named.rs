//! The smallest text of each known difference from the official parser, and how either side reads it.
#![cfg(test)]
#![cfg(feature = "peers")]

use differential::parser::{Difference, Outcome, Peer, Reading, compare, ours};
use dockerfile::Dockerfile;

/// What one side makes of a text, as short as it can be told apart.
#[derive(Debug, PartialEq)]
enum Read {
    Rejected,
    /// The words of the last instruction, with the number of its heredocs.
    As(&'static [&'static str], usize),
}

#[track_caller]
fn check(text: &str, difference: Difference, our: Read, their: Read) {
    let python =
        std::env::var_os("PEER_PYTHON").expect("run deploy/dev/peers.sh, source target/dev/peers/env");
    let theirs = Peer::start(python.as_ref()).and_then(|mut peer| peer.read(text)).unwrap();
    let file = Dockerfile::read(text);
    assert_eq!(compare(&file, &theirs), Outcome::Named(difference), "{text:?}");
    for (who, reading, expected) in [("ours", ours(&file), our), ("theirs", theirs, their)] {
        match (&reading, &expected) {
            (Reading::Rejected(_), Read::Rejected) => {}
            (Reading::Accepted(commands), Read::As(words, heredocs)) => {
                let last = commands.last().unwrap();
                assert_eq!(
                    (&last.words.iter().map(String::as_str).collect::<Vec<_>>()[..], last.heredocs.len()),
                    (*words, *heredocs),
                    "{who}: {text:?}"
                );
            }
            _ => panic!("{who}: {reading:?} is not {expected:?}, {text:?}"),
        }
    }
}

#[test]
fn a_mark_of_a_heredoc_changed_its_meaning_in_buildkit_0_21() {
    let difference = Difference::HeredocMark;
    check("RUN << E\nE\n", difference, Read::As(&["<< E"], 1), Read::As(&[], 0));
    check("RUN << #", difference, Read::Rejected, Read::As(&["<< #"], 0));
    check("RUN << <<2", difference, Read::As(&["<< <<2"], 0), Read::Rejected);
    check("RUN <<${X-}", difference, Read::As(&["<<${X-}"], 0), Read::Rejected);
    check("RUN ${E#} <<F", difference, Read::Rejected, Read::As(&["${E#} <<F"], 0));
}

#[test]
fn what_follows_a_json_list_was_ignored_up_to_buildkit_0_14() {
    let difference = Difference::ListTail;
    check("CMD [\"\"]x", difference, Read::As(&["[\"\"]x"], 0), Read::As(&[""], 0));
    check("RUN [\"a\"] x", difference, Read::As(&["[\"a\"] x"], 0), Read::As(&["a"], 0));
    check(
        "COPY [\"a\", \"b\"] x",
        difference,
        Read::As(&["[\"a\",", "\"b\"]", "x"], 0),
        Read::As(&["a", "b"], 0),
    );
    check("HEALTHCHECK CMD [\"\"]x", difference, Read::As(&["CMD", "[\"\"]x"], 0), Read::As(&["CMD", ""], 0));
}

#[test]
fn flags_were_escaped_with_a_backslash_under_every_directive() {
    let difference = Difference::FlagEscape;
    check("# escape=`\nCOPY --\\ b -", difference, Read::As(&["b", "-"], 0), Read::As(&["-"], 0));
}

#[test]
fn a_check_directive_ends_the_directives_for_who_does_not_know_it() {
    let difference = Difference::BehindCheck;
    check("# check=skip=all\n# escape=`\nRUN a `\n b", difference, Read::As(&["a  b"], 0), Read::As(&[], 0));
    check("# check=a\n# check=b\nRUN a", difference, Read::Rejected, Read::As(&["a"], 0));
}

#[test]
fn an_unusual_blank_made_a_comment_of_a_directive() {
    check("#\u{a0}escape=x\nRUN a", Difference::DirectiveBlank, Read::Rejected, Read::As(&["a"], 0));
}

#[test]
fn a_nul_byte_is_no_text_to_us() {
    check("RUN a\0b", Difference::NulByte, Read::Rejected, Read::As(&["a"], 0));
    check("CMD [\"a\\u0000b\"]", Difference::NulByte, Read::As(&["a\0b"], 0), Read::As(&["a"], 0));
}

#[test]
fn characters_are_broken_where_the_official_reader_goes_by_bytes() {
    let difference = Difference::BrokenCharacter;
    check("RUN --x=\u{e0} a", difference, Read::Rejected, Read::As(&["a"], 0));
    check("HEALTHCHECK CMD\u{a0}a", difference, Read::As(&["CMD\u{a0}a"], 0), Read::Rejected);
}

#[test]
fn what_is_deferred_twice_is_refused_as_such() {
    check("ONBUILD ONBUILD ENV \\\\", Difference::DeferredTwice, Read::As(&[], 0), Read::Rejected);
}
