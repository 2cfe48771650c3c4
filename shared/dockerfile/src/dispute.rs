//! Where builders read one text in two ways. Not mistakes: each builder is content, but not with the same instructions.
//!
//! Found by giving both to buildah 1.28 (the reader of imagebuilder, a fork of an older Docker) and to BuildKit, and by comparing
//! with an older BuildKit (0.12.5, in PyPI `dockerfile` 3.4.0). This crate reads as the newest does. A build that
//! must not pull what nobody judged refuses a file with disputes, or leaves it to a builder that reads as this crate does.

use std::{fmt, ops::Range};

use crate::{
    directive::{DirectiveName, Escape},
    document::{Dockerfile, Item},
    line::Line,
};

/// One place that is read in two ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispute {
    /// Its line, from 1.
    pub line: usize,
    /// Its bytes.
    pub span: Range<usize>,
    /// What is disputed.
    pub kind: DisputeKind,
}

/// What older builders read otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DisputeKind {
    /// A heredoc: older builders take its body for instructions.
    Heredoc(String),
    /// A line that ends in two escape characters: older builders take the second for a continuation.
    DoubledEscape,
    /// A carriage return behind a continuation beyond the one of the line's ending: older builders end the line there.
    CarriageReturn,
    /// An escape character in a flag under `# escape=` and a backtick: older builders escape with `\` there all the same.
    FlagEscape,
    /// A `<<` that is a heredoc to some and none to others, such as one before a blank or a `${…}`: BuildKit 0.12 and 0.21 differ.
    HeredocMark,
    /// Something behind a complete JSON list: BuildKit before 0.15 takes the list and ignores what follows it.
    ListTail,
    /// A blank outside ASCII, or a vertical tab, behind the `#` of a directive: older BuildKits see a comment.
    DirectiveBlank,
    /// `# escape` behind another directive: older builders ignore it.
    LateEscape,
}

impl Dockerfile {
    /// The places that older builders (buildah 1.28, the classic Docker builder) read otherwise, by line.
    pub fn disputes(&self) -> &[Dispute] {
        &self.disputes
    }
}

/// What is disputed about the end of a line inside an instruction, where `inside` stands before an escape character.
pub(crate) fn line_end(source: &str, line: Line, inside: &str, escape: Escape) -> Option<Dispute> {
    let ending = source.get(line.text_end..line.end).unwrap_or_default();
    let kind = if inside.ends_with(escape.as_char()) {
        DisputeKind::DoubledEscape
    } else if ending.trim_end_matches('\n').len() > 1 {
        DisputeKind::CarriageReturn
    } else {
        return None;
    };
    Some(Dispute { line: line.number, span: line.start..line.end, kind })
}

/// The disputes that show in the items as read.
pub(crate) fn in_items(source: &str, items: &[Item], escape: Escape) -> Vec<Dispute> {
    let mut disputes = Vec::new();
    let mut directives = 0;
    for item in items {
        match item {
            Item::Directive(directive) => {
                if directive.name == DirectiveName::Escape && directives > 0 {
                    let span = directive.span.clone();
                    disputes.push(Dispute { line: directive.line, span, kind: DisputeKind::LateEscape });
                }
                directives += 1;
                let blanks =
                    source.get(directive.span.clone()).and_then(|line| line.trim_start().strip_prefix('#'));
                let blanks = blanks.and_then(|line| line.split(|c: char| c.is_ascii_alphabetic()).next());
                if blanks.is_some_and(|blanks| blanks.contains(|c: char| c == '\x0b' || !c.is_ascii())) {
                    let span = directive.span.clone();
                    disputes.push(Dispute { line: directive.line, span, kind: DisputeKind::DirectiveBlank });
                }
            }
            Item::Instruction(instruction) => {
                disputes.extend(instruction.heredocs.iter().map(|heredoc| Dispute {
                    line: instruction.line,
                    span: instruction.span.clone(),
                    kind: DisputeKind::Heredoc(heredoc.name.clone()),
                }));
                if escape == Escape::Backtick {
                    let deferred = instruction.trigger().map_or(&[][..], |trigger| &trigger.flags);
                    let flags = instruction.flags.iter().chain(deferred);
                    let escaped = flags.filter(|flag| {
                        source.get(flag.span.clone()).is_some_and(|text| text.contains(['\\', '`']))
                    });
                    disputes.extend(escaped.map(|flag| Dispute {
                        line: instruction.line,
                        span: flag.span.clone(),
                        kind: DisputeKind::FlagEscape,
                    }));
                }
            }
            Item::ByteOrderMark(_) | Item::Blank(_) | Item::Comment(_) => {}
        }
    }
    disputes
}

impl fmt::Display for Dispute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.kind)
    }
}

impl fmt::Display for DisputeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Heredoc(name) => write!(
                f,
                "the heredoc <<{name} is not supported by this builder; copy a script in and run it, or join the commands with &&"
            ),
            Self::DoubledEscape => {
                f.write_str("the line ends in two escape characters, which builders read in two ways; end it otherwise")
            }
            Self::CarriageReturn => f.write_str(
                "a continuation is followed by a stray carriage return, which builders read in two ways; remove it",
            ),
            Self::FlagEscape => {
                f.write_str("a flag contains an escape character, which builders read in two ways; write it without")
            }
            Self::HeredocMark => f.write_str(
                "a << is a heredoc to some builders and none to others; write <<EOF with a plain word and without blanks, or quote <<",
            ),
            Self::ListTail => f.write_str(
                "something follows a complete JSON list, which some builders ignore; remove it, or write the command without brackets",
            ),
            Self::DirectiveBlank => f.write_str(
                "an unusual blank stands before the name of a directive, which some builders take for a comment; write a plain one",
            ),
            Self::LateEscape => {
                f.write_str("# escape is ignored by some builders unless it is the first directive; move it to the top")
            }
        }
    }
}
