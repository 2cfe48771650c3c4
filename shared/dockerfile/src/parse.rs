//! Reads a text into a [`Dockerfile`]: lines into items, items into instructions and stages. Not their arguments (see below).
//!
//! Follows BuildKit's `parser/parser.go`: a line is trimmed at its start; an escape character at its end, not itself escaped,
//! continues it; inside a continuation, comments and blank lines are skipped; a heredoc's lines are taken as they are.

mod arguments;
mod flags;
mod heredoc;
mod list;
mod structure;

use std::ops::Range;

use crate::{
    blank,
    directive::{Directive, DirectiveName, Escape, directive_in},
    dispute::{self, Dispute, DisputeKind},
    document::{Comment, Dockerfile, Item},
    error::{ParseError, ParseErrorKind},
    instruction::{Arguments, Instruction, Keyword},
    line::{Line, Lines},
    logical::Logical,
};

const BYTE_ORDER_MARK: &str = "\u{feff}";
/// The longest line, with its ending, that the line scanner of the official reader takes (`bufio.MaxScanTokenSize`).
const LONGEST_LINE: usize = 64 * 1024;
/// The most mistakes that are told one by one: what has more is another kind of file, and each is told to somebody.
const MOST_ERRORS: usize = 1000;
/// What an item takes in most files: room for all of them is made at once.
const COMMON_ITEM_BYTES: usize = 32;

/// Reads everything, in one pass over the lines.
pub(crate) fn read(text: &str) -> Dockerfile {
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
    let mut reader = Reader {
        source: text,
        lines: Lines::new(text, start),
        escape: Escape::default(),
        directives: Some(Vec::new()),
        items: Vec::with_capacity(text.len() / COMMON_ITEM_BYTES),
        errors: Vec::new(),
        disputes: Vec::new(),
    };
    if start > 0 {
        reader.items.push(Item::ByteOrderMark(0..start));
    }
    reader.unreadable(start);
    while let Some(line) = reader.lines.next() {
        reader.item(line);
    }
    let Reader { escape, items, mut errors, mut disputes, .. } = reader;
    let stages = structure::stages(&items, &mut errors);
    disputes.extend(dispute::in_items(text, &items, escape));
    errors.sort_by_key(|error| (error.line, error.span.start));
    count_the_rest(&mut errors);
    disputes.sort_by_key(|dispute| (dispute.line, dispute.span.start));
    Dockerfile { text: text.to_owned(), items, stages, errors, escape, disputes }
}

/// Keeps as many mistakes as anybody reads, and says how many more there are.
fn count_the_rest(errors: &mut Vec<ParseError>) {
    let more = errors.len().saturating_sub(MOST_ERRORS);
    if let Some(next) = errors.get_mut(MOST_ERRORS) {
        next.kind = ParseErrorKind::More(more);
        errors.truncate(MOST_ERRORS + 1);
    }
}

struct Reader<'a> {
    source: &'a str,
    lines: Lines<'a>,
    escape: Escape,
    /// The directives seen; none once a line that is no directive has ended them.
    directives: Option<Vec<DirectiveName>>,
    items: Vec<Item>,
    errors: Vec<ParseError>,
    disputes: Vec<Dispute>,
}

impl<'a> Reader<'a> {
    fn error(&mut self, line: usize, span: Range<usize>, kind: ParseErrorKind) {
        self.errors.push(ParseError { line, span, kind });
    }

    /// What no instruction is to blame for: NUL bytes and lines without end, each told once.
    fn unreadable(&mut self, start: usize) {
        // No line is longer than its text: most files need no second look at each.
        if self.source.len() < LONGEST_LINE && !self.source.contains('\0') {
            return;
        }
        let mut nul = false;
        for line in Lines::new(self.source, start) {
            let too_long = match line.end - line.start {
                length if self.source.get(..line.end).is_some_and(|text| text.ends_with('\n')) => {
                    length > LONGEST_LINE
                }
                length => length >= LONGEST_LINE,
            };
            if too_long {
                self.error(line.number, line.start..line.end, ParseErrorKind::LineTooLong);
            }
            if let Some(at) = line.text(self.source).find('\0').filter(|_| !nul) {
                nul = true;
                let at = line.start + at;
                self.error(line.number, at..at + 1, ParseErrorKind::NulByte);
            }
        }
    }

    fn item(&mut self, line: Line) {
        let text = blank::trim_start(line.text(self.source));
        let span = line.start..line.end;
        if let Some(directive) = self.directive(line, text) {
            self.items.push(Item::Directive(directive));
        } else if let Some(comment) = text.strip_prefix('#') {
            let text = comment.trim().to_owned();
            self.items.push(Item::Comment(Comment { line: line.number, span, text }));
        } else if text.is_empty() {
            self.items.push(Item::Blank(span));
        } else {
            let instruction = self.instruction(line, text);
            self.items.push(Item::Instruction(Box::new(instruction)));
        }
    }

    fn directive(&mut self, line: Line, text: &str) -> Option<Directive> {
        let seen = self.directives.as_mut()?;
        let Some((name, offset, value)) = directive_in(text) else {
            // BuildKit looks for `syntax` behind a shebang too; `escape` it does not.
            self.directives = None;
            return None;
        };
        let start = line.text_end - text.len() + offset;
        let value_span = start..start + value.len();
        if seen.contains(&name) {
            let kind = ParseErrorKind::DuplicateDirective(name.as_str());
            self.error(line.number, line.start..line.text_end, kind);
        } else {
            seen.push(name);
            match Escape::named(value) {
                Some(escape) if name == DirectiveName::Escape => self.escape = escape,
                None if name == DirectiveName::Escape => {
                    let kind = ParseErrorKind::InvalidEscape(value.chars().take(40).collect());
                    self.error(line.number, value_span.clone(), kind);
                }
                _ => {}
            }
        }
        let span = line.start..line.end;
        Some(Directive { line: line.number, span, name, value: value.to_owned(), value_span })
    }

    fn instruction(&mut self, first: Line, text: &'a str) -> Instruction {
        let (piece, mut continues) = self.piece(first, text);
        let mut logical = Logical::new(first.text_end - text.len(), piece);
        let mut last = first;
        while continues {
            let Some(line) = self.lines.next() else { break };
            last = line;
            let text = line.text(self.source);
            let trimmed = blank::trim_start(text);
            if !trimmed.is_empty() && !trimmed.starts_with('#') {
                let piece;
                (piece, continues) = self.piece(line, text);
                logical.push(line.start, piece);
            }
        }
        let mut parse = LineParse {
            logical: &logical,
            line: first.number,
            escape: self.escape,
            errors: Vec::new(),
            disputes: Vec::new(),
        };
        let mut instruction = parse.instruction(0..logical.text().len(), Depth::Outer);
        self.errors.append(&mut parse.errors);
        self.disputes.append(&mut parse.disputes);
        instruction.last_line = last.number;
        if heredoc::may_follow(&instruction) && heredoc::may_stand_in(logical.text()) {
            self.heredocs(&mut instruction, logical.text());
        }
        instruction.span = first.start..self.lines.position();
        instruction
    }

    /// One line without its continuation, and whether it had one.
    fn piece(&mut self, line: Line, text: &'a str) -> (&'a str, bool) {
        let escape = self.escape.as_char();
        let blanks = text.bytes().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let trimmed = text.get(..text.len() - blanks).unwrap_or_default();
        let Some(inside) = trimmed.strip_suffix(escape) else { return (text, false) };
        self.disputes.extend(dispute::line_end(self.source, line, inside, self.escape));
        if inside.ends_with(escape) { (text, false) } else { (inside, true) }
    }
}

/// Whether an instruction stands by itself or is deferred by ONBUILD, which may not be nested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Outer,
    Trigger,
}

/// Reads the parts of one logical line.
struct LineParse<'a> {
    logical: &'a Logical<'a>,
    line: usize,
    escape: Escape,
    errors: Vec<ParseError>,
    disputes: Vec<Dispute>,
}

impl LineParse<'_> {
    fn dispute(&mut self, range: &Range<usize>, kind: DisputeKind) {
        self.disputes.push(Dispute { line: self.line, span: self.logical.span(range), kind });
    }

    fn error(&mut self, range: &Range<usize>, kind: ParseErrorKind) {
        self.errors.push(ParseError { line: self.line, span: self.logical.span(range), kind });
    }

    /// Keyword, flags, arguments; its lines and heredocs are the caller's.
    fn instruction(&mut self, range: Range<usize>, depth: Depth) -> Instruction {
        let range = self.logical.trim(range);
        let text = self.logical.slice(&range);
        let keyword_range = range.start..range.start + blank::word(text);
        let word = self.logical.slice(&keyword_range);
        let keyword = Keyword::of(word);
        if keyword == Keyword::Unknown {
            let kind = ParseErrorKind::UnknownInstruction(word.chars().take(40).collect());
            self.error(&keyword_range, kind);
        }
        let (flags, rest) = self.flags(keyword, keyword_range.end..range.end);
        let rest = self.logical.trim(rest);
        let arguments = self.arguments(keyword, rest, depth);
        self.check_count(keyword, &keyword_range, &arguments);
        Instruction {
            line: self.line,
            last_line: self.line,
            span: self.logical.span(&range),
            keyword,
            keyword_span: self.logical.span(&keyword_range),
            flags,
            arguments,
            heredocs: Vec::new(),
        }
    }

    /// An instruction without the arguments it needs does not build.
    fn check_count(&mut self, keyword: Keyword, range: &Range<usize>, arguments: &Arguments) {
        let count = match arguments {
            Arguments::None => 0,
            Arguments::Words(words) => words.len(),
            Arguments::List(items, _) => items.len(),
            Arguments::Text(_) | Arguments::Pairs(_) | Arguments::Healthcheck(..) | Arguments::Trigger(_) => {
                1
            }
        };
        let needed = match keyword {
            Keyword::Add | Keyword::Copy => 2,
            // A step may consist of flags or of nothing; FROM counts for itself.
            Keyword::Run | Keyword::Cmd | Keyword::Entrypoint | Keyword::From | Keyword::Unknown => 0,
            Keyword::Arg
            | Keyword::Env
            | Keyword::Expose
            | Keyword::Healthcheck
            | Keyword::Label
            | Keyword::Maintainer
            | Keyword::Onbuild
            | Keyword::Shell
            | Keyword::Stopsignal
            | Keyword::User
            | Keyword::Volume
            | Keyword::Workdir => 1,
        };
        // Once a mistake of this line has been told, a missing argument is only its echo.
        if count < needed && self.errors.is_empty() {
            self.error(range, ParseErrorKind::MissingArgument(keyword));
        }
    }
}
