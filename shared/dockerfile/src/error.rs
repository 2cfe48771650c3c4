//! What is wrong with a Dockerfile, where, and what to do. Not lint findings: a file with one of these does not build as read.

use std::{fmt, ops::Range};

use crate::instruction::Keyword;

/// One mistake; reading goes on behind it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {kind}")]
pub struct ParseError {
    /// The line it is on, from 1.
    pub line: usize,
    /// The bytes that are wrong.
    pub span: Range<usize>,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// A NUL byte, which no tool of the trade agrees upon.
    #[error("the file contains a NUL byte")]
    NulByte,
    /// BuildKit's and buildah's readers give up at 64 KiB.
    #[error("the line is longer than 65535 bytes")]
    LineTooLong,
    /// No instruction at all.
    #[error("the file has no instructions")]
    NoInstructions,
    /// Instructions, but no stage.
    #[error("the file has no FROM")]
    NoStage,
    /// A parser directive a second time.
    #[error("the parser directive `{0}` stands here a second time")]
    DuplicateDirective(&'static str),
    /// `escape` with another character than `\` and the backtick.
    #[error("`{0}` is no escape character")]
    InvalidEscape(String),
    /// An instruction that does not exist.
    #[error("`{0}` is not an instruction")]
    UnknownInstruction(String),
    /// Something other than ARG before the first FROM.
    #[error("{0} stands before the first FROM")]
    OutsideStage(Keyword),
    /// FROM with two, four or more words.
    #[error("FROM has {0} arguments; it takes one, or three with AS")]
    FromArguments(usize),
    /// A stage name outside `[a-z][a-z0-9-_.]*`.
    #[error("`{0}` cannot name a stage")]
    InvalidStageName(String),
    /// Too few arguments.
    #[error("{0} lacks an argument")]
    MissingArgument(Keyword),
    /// ENV or LABEL with a name and nothing behind it.
    #[error("{0} names something and gives it no value")]
    LacksValue(Keyword),
    /// A word that should be `name=value`.
    #[error("`{word}` in {keyword} has no `=`")]
    NotAPair {
        /// The instruction.
        keyword: Keyword,
        /// The word.
        word: String,
    },
    /// `=value` without a name.
    #[error("{0} defines something without a name")]
    BlankName(Keyword),
    /// A JSON list with something else than strings in it.
    #[error("the JSON list of {0} holds something that is not a string")]
    NotStrings(Keyword),
    /// SHELL in shell form.
    #[error("SHELL is not a JSON list")]
    ShellNotJson,
    /// HEALTHCHECK with another word than CMD and NONE.
    #[error("HEALTHCHECK `{0}` does not exist")]
    UnknownHealthcheck(String),
    /// `ONBUILD ONBUILD`, `ONBUILD FROM`, `ONBUILD MAINTAINER`.
    #[error("{0} cannot be an ONBUILD trigger")]
    ForbiddenTrigger(Keyword),
    /// A heredoc whose end never comes.
    #[error("the heredoc `{0}` has no end")]
    UnterminatedHeredoc(String),
    /// A heredoc name with an open quote or a bad substitution.
    #[error("the heredoc name `{0}` cannot be read")]
    InvalidHeredoc(String),
    /// A heredoc where a destination must stand.
    #[error("the destination of {0} is a heredoc")]
    HeredocDestination(Keyword),
    /// A character in a flag that builders split in two ways.
    #[error("a flag of {0} contains a character outside ASCII")]
    FlagCharacter(Keyword),
    /// More mistakes than anybody reads.
    #[error("there are {0} mistakes more from here on")]
    More(usize),
}

impl ParseError {
    /// What to do about it, as half a sentence in the imperative.
    pub fn hint(&self) -> String {
        self.kind.hint()
    }
}

impl ParseErrorKind {
    /// What to do about it, as half a sentence in the imperative.
    pub fn hint(&self) -> String {
        match self {
            Self::NulByte => "save the file as UTF-8 text".to_owned(),
            Self::LineTooLong => "break it with a continuation or move it into a script".to_owned(),
            Self::NoInstructions | Self::NoStage => "begin with FROM <image>".to_owned(),
            Self::DuplicateDirective(_) => "keep one of them".to_owned(),
            Self::InvalidEscape(_) => "write # escape=\\ or # escape=`".to_owned(),
            Self::UnknownInstruction(word) => match Keyword::nearest(word) {
                Some(keyword) => format!("did you mean {keyword}?"),
                None => "was the line before it meant to continue?".to_owned(),
            },
            Self::OutsideStage(_) => "put it behind a FROM; only ARG may stand before".to_owned(),
            Self::FromArguments(_) => "write FROM <image> or FROM <image> AS <name>".to_owned(),
            Self::InvalidStageName(_) => {
                "begin with a letter; then letters, digits, hyphens, underscores and dots".to_owned()
            }
            Self::MissingArgument(keyword) | Self::LacksValue(keyword) => {
                format!("write {}", keyword.usage())
            }
            Self::NotAPair { .. } => {
                "write name=value, with quotes around a value that has blanks".to_owned()
            }
            Self::BlankName(_) => "put a name before the `=`".to_owned(),
            Self::NotStrings(_) => "put every element in double quotes".to_owned(),
            Self::ShellNotJson => "write SHELL [\"program\", \"argument\"]".to_owned(),
            Self::UnknownHealthcheck(_) => "write HEALTHCHECK CMD <command> or HEALTHCHECK NONE".to_owned(),
            Self::ForbiddenTrigger(_) => "put it into the Dockerfile that builds on this one".to_owned(),
            Self::UnterminatedHeredoc(name) => format!("close it with a line that is exactly {name}"),
            Self::InvalidHeredoc(_) => "write a plain word such as EOF".to_owned(),
            Self::HeredocDestination(_) => "name the destination path last".to_owned(),
            Self::FlagCharacter(_) => "use ASCII in flags".to_owned(),
            Self::More(_) => "put the others right first, or see whether this is a Dockerfile".to_owned(),
        }
    }
}

/// All mistakes of one file with their hints, in the order of their lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseErrors(pub Vec<ParseError>);

impl fmt::Display for ParseErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{error}; {}", error.hint())?;
        }
        Ok(())
    }
}

impl std::error::Error for ParseErrors {}
