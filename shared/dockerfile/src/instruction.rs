//! One instruction and its parts, each with the bytes it came from. Not how it is read (see `parse`), nor what it does.

use std::{fmt, ops::Range};

/// An instruction with everything that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Its first line, from 1.
    pub line: usize,
    /// Its last line, heredocs included.
    pub last_line: usize,
    /// Its whole lines with their endings, heredocs included. For an ONBUILD trigger: from its keyword on.
    pub span: Range<usize>,
    /// What it is.
    pub keyword: Keyword,
    /// The keyword's bytes, in the case it was written in.
    pub keyword_span: Range<usize>,
    /// Its `--name=value` words, in order.
    pub flags: Vec<Flag>,
    /// What follows the flags.
    pub arguments: Arguments,
    /// Its heredocs, in the order of their bodies.
    pub heredocs: Vec<Heredoc>,
}

/// The instructions there are, each under its own name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Keyword {
    Add,
    Arg,
    Cmd,
    Copy,
    Entrypoint,
    Env,
    Expose,
    From,
    Healthcheck,
    Label,
    Maintainer,
    Onbuild,
    Run,
    Shell,
    Stopsignal,
    User,
    Volume,
    Workdir,
    /// None of them: the file has an error there.
    Unknown,
}

/// A piece of text and its bytes. The text is joined across continuations and keeps its quotes and variables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// What it says.
    pub text: String,
    /// Where it stands.
    pub span: Range<usize>,
}

/// One `--name[=value]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The part between `--` and `=`.
    pub name: String,
    /// The part behind `=`, without its quotes.
    pub value: Option<String>,
    /// The whole word.
    pub span: Range<usize>,
    /// The value's bytes, where plain text put there is read as the new value; none where quotes make that impossible.
    pub value_span: Option<Range<usize>>,
    /// The comma-separated fields of a `--mount`.
    pub fields: Vec<MountField>,
}

/// One `key[=value]` of a `--mount`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountField {
    /// In lower case.
    pub key: String,
    /// The part behind `=`.
    pub value: Option<String>,
    /// As [`Flag::value_span`].
    pub value_span: Option<Range<usize>>,
}

/// What follows keyword and flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Arguments {
    /// Nothing.
    None,
    /// Free text: the shell form of RUN, CMD and ENTRYPOINT; USER, WORKDIR, STOPSIGNAL, MAINTAINER.
    Text(Word),
    /// Words between blanks: FROM, EXPOSE, COPY, ADD, VOLUME.
    Words(Vec<Word>),
    /// A JSON list of strings, and its bytes.
    List(Vec<String>, Range<usize>),
    /// `name=value` or `name value`: ARG, ENV, LABEL.
    Pairs(Vec<Pair>),
    /// HEALTHCHECK: `CMD` or `NONE`, and the command.
    Healthcheck(Word, Box<Arguments>),
    /// ONBUILD: the instruction it defers.
    Trigger(Box<Instruction>),
}

/// A definition in ARG, ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// Its name.
    pub name: Word,
    /// Its value as written; none for an ARG without default.
    pub value: Option<Word>,
}

/// A heredoc: `<<NAME` on the instruction's line, its body below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it, without quotes.
    pub name: String,
    /// Whether variables in the body are expanded.
    pub body_is: HeredocBody,
    /// What becomes of leading tabs.
    pub tabs: HeredocTabs,
    /// The line on which the body starts, from 1.
    pub line: usize,
    /// The body's bytes, without the line that ends it.
    pub body: Range<usize>,
}

/// How a heredoc's body is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeredocBody {
    /// Variables are expanded.
    Expanded,
    /// Taken as it stands: part of the name was quoted.
    Verbatim,
}

/// Leading tabs of a heredoc's lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeredocTabs {
    /// `<<`: they stay.
    Kept,
    /// `<<-`: they go, those before the end word too.
    Stripped,
}

impl Instruction {
    /// The arguments as words; empty for other forms.
    pub fn words(&self) -> &[Word] {
        match &self.arguments {
            Arguments::Words(words) => words,
            _ => &[],
        }
    }

    /// The arguments as free text, if that is their form.
    pub fn text(&self) -> Option<&Word> {
        match &self.arguments {
            Arguments::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The definitions of ARG, ENV and LABEL; empty for others.
    pub fn pairs(&self) -> &[Pair] {
        match &self.arguments {
            Arguments::Pairs(pairs) => pairs,
            _ => &[],
        }
    }

    /// The instruction that an ONBUILD defers.
    pub fn trigger(&self) -> Option<&Instruction> {
        match &self.arguments {
            Arguments::Trigger(trigger) => Some(trigger),
            _ => None,
        }
    }

    /// Every flag of that name, in order.
    pub fn flags_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(move |flag| flag.name == name)
    }

    /// The value of the first flag of that name.
    pub fn flag(&self, name: &str) -> Option<&str> {
        self.flags.iter().find(|flag| flag.name == name).and_then(|flag| flag.value.as_deref())
    }
}

impl Keyword {
    /// Every instruction that exists.
    pub const ALL: [Self; 18] = [
        Self::Add,
        Self::Arg,
        Self::Cmd,
        Self::Copy,
        Self::Entrypoint,
        Self::Env,
        Self::Expose,
        Self::From,
        Self::Healthcheck,
        Self::Label,
        Self::Maintainer,
        Self::Onbuild,
        Self::Run,
        Self::Shell,
        Self::Stopsignal,
        Self::User,
        Self::Volume,
        Self::Workdir,
    ];

    /// The letters of the longest.
    const LONGEST: usize = Self::Healthcheck.as_str().len();

    /// The keyword that a word is, in any case.
    pub fn of(word: &str) -> Self {
        // In capitals without a text of its own: every line has one.
        let mut capitals = [0; Self::LONGEST];
        for (capital, letter) in capitals.iter_mut().zip(word.bytes()) {
            *capital = letter.to_ascii_uppercase();
        }
        match capitals.get(..word.len()).unwrap_or_default() {
            b"ADD" => Self::Add,
            b"ARG" => Self::Arg,
            b"CMD" => Self::Cmd,
            b"COPY" => Self::Copy,
            b"ENTRYPOINT" => Self::Entrypoint,
            b"ENV" => Self::Env,
            b"EXPOSE" => Self::Expose,
            b"FROM" => Self::From,
            b"HEALTHCHECK" => Self::Healthcheck,
            b"LABEL" => Self::Label,
            b"MAINTAINER" => Self::Maintainer,
            b"ONBUILD" => Self::Onbuild,
            b"RUN" => Self::Run,
            b"SHELL" => Self::Shell,
            b"STOPSIGNAL" => Self::Stopsignal,
            b"USER" => Self::User,
            b"VOLUME" => Self::Volume,
            b"WORKDIR" => Self::Workdir,
            _ => Self::Unknown,
        }
    }

    /// Its name in capitals.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Arg => "ARG",
            Self::Cmd => "CMD",
            Self::Copy => "COPY",
            Self::Entrypoint => "ENTRYPOINT",
            Self::Env => "ENV",
            Self::Expose => "EXPOSE",
            Self::From => "FROM",
            Self::Healthcheck => "HEALTHCHECK",
            Self::Label => "LABEL",
            Self::Maintainer => "MAINTAINER",
            Self::Onbuild => "ONBUILD",
            Self::Run => "RUN",
            Self::Shell => "SHELL",
            Self::Stopsignal => "STOPSIGNAL",
            Self::User => "USER",
            Self::Volume => "VOLUME",
            Self::Workdir => "WORKDIR",
            Self::Unknown => "an unknown instruction",
        }
    }

    /// How it is written, for hints.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            Self::Add => "ADD <source> <destination>",
            Self::Arg => "ARG <name>[=<default>]",
            Self::Cmd => "CMD [\"program\", \"argument\"]",
            Self::Copy => "COPY <source> <destination>",
            Self::Entrypoint => "ENTRYPOINT [\"program\", \"argument\"]",
            Self::Env => "ENV <name>=<value>",
            Self::Expose => "EXPOSE <port>",
            Self::From => "FROM <image> [AS <name>]",
            Self::Healthcheck => "HEALTHCHECK CMD <command>",
            Self::Label => "LABEL <name>=<value>",
            Self::Maintainer => "LABEL org.opencontainers.image.authors=<who>",
            Self::Onbuild => "ONBUILD <instruction>",
            Self::Run => "RUN <command>",
            Self::Shell => "SHELL [\"program\", \"argument\"]",
            Self::Stopsignal => "STOPSIGNAL <signal>",
            Self::User => "USER <user>",
            Self::Volume => "VOLUME <path>",
            Self::Workdir => "WORKDIR <path>",
            Self::Unknown => "one of the instructions",
        }
    }

    /// The keyword that a mistyped word most likely meant: the one with most letters in place, if all but two are.
    pub(crate) fn nearest(word: &str) -> Option<Self> {
        let typed: Vec<char> = word.chars().take(16).flat_map(char::to_uppercase).collect();
        // Two slips in a word of two letters are another word.
        let slips = (typed.len() / 2).min(2);
        let is_near = |keyword: &Self| slips > 0 && keyword.as_str().len().abs_diff(typed.len()) <= slips;
        let distance = |keyword: &Self| {
            let name: Vec<char> = keyword.as_str().chars().collect();
            let mut row: Vec<usize> = (0..=name.len()).collect();
            for (index, typed) in typed.iter().enumerate() {
                let mut next = vec![index + 1];
                for (named, (above, corner)) in name.iter().zip(row.iter().skip(1).zip(row.iter())) {
                    let left = next.last().copied().unwrap_or_default();
                    next.push((corner + usize::from(named != typed)).min(above + 1).min(left + 1));
                }
                row = next;
            }
            row.last().copied().unwrap_or(usize::MAX)
        };
        let all = Self::ALL.into_iter().filter(is_near).map(|keyword| (distance(&keyword), keyword));
        all.min().filter(|(distance, _)| *distance <= slips).map(|(_, keyword)| keyword)
    }
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
