//! The commands inside RUN: which programs are called with which words. Not a shell: nothing is expanded, no flow is followed.
//!
//! What does not parse has no commands: a rule that cannot be sure says nothing, as in hadolint, which reads scripts with
//! ShellCheck's parser. Learned by giving both the same scripts.
//!
//! # Layout
//! [`Script`] a RUN as it is read · [`Command`] one call · `parser` lists, pipelines and compound commands · `simple` simple
//! commands · `word` words and what is
//! expanded in them.

mod command;
mod parser;
mod simple;
mod word;

use std::borrow::Cow;

use dockerfile::{Arguments, Dockerfile, Instruction};

pub(crate) use self::command::Command;
use self::parser::{Broken, Parser};

/// The script of a RUN.
#[derive(Debug, Default)]
pub(crate) struct Script<'a> {
    /// What is read as a script; empty where nothing is.
    pub(crate) text: &'a str,
    /// The calls in it, in the order in which they end. None where the text is not a script.
    pub(crate) commands: Vec<Command<'a>>,
    /// Whether one command's output is another's input.
    pub(crate) has_pipe: bool,
}

impl<'a> Script<'a> {
    /// A text as a script.
    pub(crate) fn parse(text: &'a str) -> Self {
        Self::nested(text, 0).unwrap_or_else(|Broken| Self { text, ..Self::default() })
    }

    /// A script inside a script, so many levels deep.
    fn nested(text: &'a str, depth: usize) -> Result<Self, Broken> {
        let mut parser = Parser::new(text);
        parser.depth = depth;
        parser.script()?;
        Ok(Self { text, commands: parser.commands, has_pipe: parser.has_pipe })
    }

    /// The calls of one program.
    pub(crate) fn calls<'s>(&'s self, program: &'s str) -> impl Iterator<Item = &'s Command<'a>> {
        self.commands.iter().filter(move |command| command.program == program)
    }
}

/// What hadolint takes for the script of `run`, which stands in the file as `outer` or inside it: words of a list joined; of a command with a heredoc, what stands before it; of a heredoc alone,
/// what stands behind its name, and its lines.
pub(crate) fn text_of<'a>(
    file: &'a Dockerfile,
    outer: &'a Instruction,
    run: &'a Instruction,
) -> Cow<'a, str> {
    let text = match &run.arguments {
        Arguments::List(words, _) => return words.join(" ").into(),
        Arguments::Text(text) => text.text.as_str(),
        _ => return "".into(),
    };
    let Some(heredoc) = outer.heredocs.first() else { return text.into() };
    let body = file.source(&heredoc.body);
    if !text.starts_with("<<") {
        return text.get(..start_of_heredoc(text)).unwrap_or_default().into();
    }
    match text.split_once([' ', '\t']) {
        None => body.into(),
        Some((_, behind)) => [behind, "\n", body].concat().into(),
    }
}

/// Where the first `<<` stands that is no `<<<`.
fn start_of_heredoc(text: &str) -> usize {
    let mut from = 0;
    while let Some(found) = text.get(from..).and_then(|rest| rest.find("<<")) {
        let at = from + found;
        let length = text.get(at..).unwrap_or_default().bytes().take_while(|byte| *byte == b'<').count();
        if length == 2 {
            return at;
        }
        from = at + length;
    }
    text.len()
}

#[cfg(test)]
mod tests;
