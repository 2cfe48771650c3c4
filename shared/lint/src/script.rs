//! The commands inside RUN: which programs are called with which words. Not a shell: nothing is expanded, no flow is followed.
//!
//! One pass with a stack: quotes, escapes, comments, redirections, `$(…)`, backticks, subshells, and the reserved words before a
//! command (`if`, `then`, `!`, …). What does not parse yields fewer commands, never a wrong failure.

use dockerfile::{Arguments, Dockerfile, Instruction};

/// A call: the program's name and its words, quotes removed; variables stay as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) program: String,
    pub(crate) words: Vec<String>,
}

/// The commands of a step: its command line, and its heredocs where a shell reads them.
pub(crate) fn commands_of(file: &Dockerfile, instruction: &Instruction, run: &Instruction) -> Vec<Command> {
    match &run.arguments {
        Arguments::List(words, _) => command(words.clone()).into_iter().collect(),
        Arguments::Text(text) => {
            let mut commands = commands(&text.text);
            if reads_script(&commands) {
                for heredoc in &instruction.heredocs {
                    commands.extend(self::commands(file.source(&heredoc.body)));
                }
            }
            commands
        }
        _ => Vec::new(),
    }
}

/// Whether a heredoc on this command line is a shell script: `RUN <<EOF` and `RUN <<EOF bash`, not `RUN cat <<EOF`.
fn reads_script(commands: &[Command]) -> bool {
    match commands {
        [] => true,
        [only] => {
            let name = only.program.rsplit('/').next().unwrap_or_default();
            matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh")
        }
        _ => false,
    }
}

/// The commands of a script, in the order in which they end.
pub(crate) fn commands(script: &str) -> Vec<Command> {
    let mut reader = Reader::default();
    let mut characters = script.chars().peekable();
    while let Some(c) = characters.next() {
        let next = characters.peek().copied();
        if reader.step(c, next) {
            continue;
        }
        match c {
            '\'' if !reader.frame.quoted => {
                let frame = &mut reader.frame;
                frame.in_word = true;
                frame.word.extend(characters.by_ref().take_while(|c| *c != '\''));
            }
            '\\' => {
                let Some(escaped) = characters.next() else { continue };
                let frame = &mut reader.frame;
                // In double quotes the backslash stays before what needs no escape.
                if frame.quoted && !matches!(escaped, '"' | '\\' | '$' | '`' | '\n') {
                    frame.word.push('\\');
                }
                if escaped != '\n' {
                    frame.in_word = true;
                    frame.word.push(escaped);
                }
            }
            '$' if next == Some('(') => {
                characters.next();
                // What it yields is not known; that something stands there is.
                reader.literal("$()");
                reader.open(')');
            }
            '$' if next == Some('{') => {
                let mut depth = 0_usize;
                reader.literal("$");
                for c in characters.by_ref() {
                    reader.frame.word.push(c);
                    match c {
                        '{' => depth += 1,
                        '}' => depth -= 1,
                        _ => {}
                    }
                    if depth == 0 {
                        break;
                    }
                }
            }
            '<' | '>' if !reader.frame.quoted => {
                reader.redirection();
                while characters.next_if(|c| matches!(c, '<' | '>' | '&' | '|' | '-')).is_some() {}
            }
            '#' if !reader.frame.in_word && !reader.frame.quoted => {
                while characters.next_if(|c| *c != '\n').is_some() {}
            }
            other => reader.push(other),
        }
    }
    while !reader.outer.is_empty() {
        reader.close();
    }
    reader.end_command();
    reader.commands
}

/// One nesting level: a command being read.
#[derive(Debug, Default)]
struct Frame {
    words: Vec<String>,
    word: String,
    in_word: bool,
    quoted: bool,
    /// The next word is a file, not an argument.
    to_file: bool,
    /// What ends this level.
    end: Option<char>,
}

#[derive(Debug, Default)]
struct Reader {
    commands: Vec<Command>,
    frame: Frame,
    /// The levels around it, innermost last.
    outer: Vec<Frame>,
}

impl Reader {
    fn push(&mut self, c: char) {
        let frame = &mut self.frame;
        frame.in_word = true;
        frame.word.push(c);
    }

    fn literal(&mut self, text: &str) {
        let frame = &mut self.frame;
        frame.in_word = true;
        frame.word.push_str(text);
    }

    /// Blanks, quotes, separators and the ends of levels; false if the character is something else.
    fn step(&mut self, c: char, next: Option<char>) -> bool {
        let frame = &mut self.frame;
        let (quoted, end) = (frame.quoted, frame.end);
        match c {
            '"' => {
                frame.quoted = !quoted;
                frame.in_word = true;
            }
            '`' if end == Some('`') => self.close(),
            '`' => {
                self.literal("$()");
                self.open('`');
            }
            _ if quoted => return false,
            ' ' | '\t' | '\r' => self.end_word(),
            '&' if next == Some('>') => self.end_word(),
            '\n' | ';' | '&' | '|' => self.end_command(),
            '(' => {
                self.end_command();
                self.open(')');
            }
            ')' if end == Some(')') => self.close(),
            // The end of a pattern in `case`.
            ')' => self.end_command(),
            _ => return false,
        }
        true
    }

    fn open(&mut self, end: char) {
        let inner = Frame { end: Some(end), ..Frame::default() };
        self.outer.push(std::mem::replace(&mut self.frame, inner));
    }

    fn close(&mut self) {
        self.end_command();
        self.frame = self.outer.pop().unwrap_or_default();
    }

    fn redirection(&mut self) {
        let frame = &mut self.frame;
        // `2>` is a file descriptor, not an argument.
        if frame.word.bytes().all(|b| b.is_ascii_digit()) {
            frame.word.clear();
            frame.in_word = false;
        }
        self.end_word();
        self.frame.to_file = true;
    }

    fn end_word(&mut self) {
        let frame = &mut self.frame;
        if !std::mem::take(&mut frame.in_word) {
            return;
        }
        let word = std::mem::take(&mut frame.word);
        if !std::mem::take(&mut frame.to_file) {
            frame.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        let frame = &mut self.frame;
        frame.to_file = false;
        frame.quoted = false;
        let words = std::mem::take(&mut frame.words);
        self.commands.extend(command(words));
    }
}

/// The command that words make, once reserved words and assignments before it are gone.
fn command(words: Vec<String>) -> Option<Command> {
    let mut words = words.into_iter().skip_while(|word| {
        is_assignment(word)
            || matches!(
                word.as_str(),
                "if" | "then"
                    | "elif"
                    | "else"
                    | "while"
                    | "until"
                    | "do"
                    | "!"
                    | "{"
                    | "time"
                    | "command"
                    | "exec"
                    | "builtin"
            )
    });
    let program = words.next()?;
    // These begin or end a construct whose commands are read on their own.
    if matches!(program.as_str(), "for" | "case" | "select" | "function" | "fi" | "done" | "esac" | "}") {
        return None;
    }
    Some(Command { program, words: words.collect() })
}

/// `NAME=value` before a command.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    })
}

#[cfg(test)]
mod tests;
