//! Heredocs: which words of a line open one, and where each body ends. Not what a body does.
//!
//! Grammar (BuildKit since 0.21, `parser/parser.go`), a word of the line: `^(\d*)<<(-?)\s*([^<]*)$`, in RUN, COPY and ADD, not in
//! JSON form. Before, the `\s*` was not there, and blanks behind `<<` ended the word: where that matters, the line is disputed.

use super::Reader;
use crate::{
    dispute::{Dispute, DisputeKind},
    error::ParseErrorKind,
    instruction::{Arguments, Heredoc, HeredocBody, HeredocTabs, Instruction, Keyword},
    shell::{self, Builder, ShellError},
};

/// A heredoc as the instruction's line announces it.
#[derive(PartialEq)]
struct Announced {
    name: String,
    body_is: HeredocBody,
    tabs: HeredocTabs,
}

/// Whether the instruction, or the one it defers, takes heredocs.
pub(super) fn may_follow(instruction: &Instruction) -> bool {
    let inner = instruction.trigger().unwrap_or(instruction);
    matches!(inner.keyword, Keyword::Run | Keyword::Copy | Keyword::Add)
        && !matches!(inner.arguments, Arguments::List(..))
}

/// Whether the line holds a `<<` at all; few hold a `<`.
pub(super) fn may_stand_in(line: &str) -> bool {
    memchr::memchr(b'<', line.as_bytes()).is_some() && line.contains("<<")
}

impl Reader<'_> {
    /// Reads the bodies of the heredocs that `line` announces.
    pub(super) fn heredocs(&mut self, instruction: &mut Instruction, line: &str) {
        if announced_in(line, Builder::Newest) != announced_in(line, Builder::Older) {
            let (line, span) = (instruction.line, instruction.keyword_span.clone());
            self.disputes.push(Dispute { line, span, kind: DisputeKind::HeredocMark });
        }
        let announced = match shell::heredoc_words(line, Builder::Newest) {
            Ok(words) => words,
            Err(error) if error.is_ours() => {
                let kind = ParseErrorKind::InvalidHeredoc(error.to_string());
                return self.error(instruction.line, instruction.keyword_span.clone(), kind);
            }
            // A line whose quotes do not close has no heredocs: that is how the official reader has it.
            Err(_) => return,
        };
        for word in announced {
            match announced_by(&word, Builder::Newest) {
                Ok(Some(announced)) => {
                    let heredoc = self.body(announced, instruction);
                    instruction.heredocs.push(heredoc);
                }
                Ok(None) => {}
                Err(_) => {
                    let kind = ParseErrorKind::InvalidHeredoc(word.chars().take(40).collect());
                    self.error(instruction.line, instruction.keyword_span.clone(), kind);
                }
            }
        }
        let inner = instruction.trigger().unwrap_or(instruction);
        let destination = inner.words().last().map(|word| announced_by(&word.text, Builder::Newest));
        if inner.keyword != Keyword::Run && matches!(destination, Some(Ok(Some(_)))) {
            let kind = ParseErrorKind::HeredocDestination(inner.keyword);
            self.error(instruction.line, instruction.keyword_span.clone(), kind);
        }
    }

    fn body(&mut self, announced: Announced, instruction: &mut Instruction) -> Heredoc {
        let Announced { name, body_is, tabs } = announced;
        let start = self.lines.position();
        let first = self.lines.count_so_far() + 1;
        let mut end = start;
        let mut closed = false;
        for line in self.lines.by_ref() {
            instruction.last_line = line.number;
            let text = line.text(self.source);
            let text = match tabs {
                HeredocTabs::Stripped => text.trim_start_matches('\t'),
                HeredocTabs::Kept => text,
            };
            if text == name {
                closed = true;
                break;
            }
            end = line.end;
        }
        if !closed {
            let kind = ParseErrorKind::UnterminatedHeredoc(name.chars().take(40).collect());
            self.error(instruction.line, instruction.keyword_span.clone(), kind);
        }
        Heredoc { name, body_is, tabs, line: first, body: start..end }
    }
}

/// What a line announces to one builder.
fn announced_in(line: &str, builder: Builder) -> Vec<Result<Option<Announced>, ShellError>> {
    let words = shell::heredoc_words(line, builder).unwrap_or_default();
    words.iter().map(|word| announced_by(word, builder)).filter(|word| !matches!(word, Ok(None))).collect()
}

/// The heredoc that a word opens, if it opens one.
fn announced_by(word: &str, builder: Builder) -> Result<Option<Announced>, ShellError> {
    let behind_descriptor = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(operand) = behind_descriptor.strip_prefix("<<") else { return Ok(None) };
    let (tabs, name) = match operand.strip_prefix('-') {
        Some(name) => (HeredocTabs::Stripped, name),
        None => (HeredocTabs::Kept, operand),
    };
    let name = name.trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
    if name.is_empty() || name.contains('<') {
        return Ok(None);
    }
    let named = shell::heredoc_name(name, builder)?;
    Ok(named.map(|(name, body_is)| Announced { name, body_is, tabs }))
}
