//! How a command ends: what it prints, and with which code. 0 done, 1 refused, 2 a mistake in what was typed, 3 a fault outside.

use std::{
    fmt::Write as _,
    future::Future,
    io::{self, Write as _},
    process::ExitCode,
    sync::OnceLock,
};

use lint::render::turns_text;
use telemetry::Chain;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The answer is no.
    Refused(String),
    /// What was typed or written cannot be meant.
    Usage(String),
    /// Something outside does not work.
    Fault(String),
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Self::Refused(text) | Self::Usage(text) | Self::Fault(text)) = self;
        f.write_str(text)
    }
}

impl Failure {
    pub(crate) fn fault(error: &dyn std::error::Error) -> Self {
        Self::Fault(Chain(error).to_string())
    }

    pub(crate) fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Why the result could not be written. What is printed is printed by many, and ends in one exit code.
static UNWRITTEN: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of the result. A reader that has seen enough (`| head`) is no fault of anybody's: the rest goes nowhere.
pub(crate) fn say(line: impl std::fmt::Display) {
    print(&visible(&line.to_string()));
}

/// Prints lines of the result that this program has written itself.
pub(crate) fn say_all(lines: impl std::fmt::Display) {
    print(&lines_visible(&lines.to_string()));
}

/// Prints a remark that is no result: to standard error, so that results can be piped. Nobody has to listen.
pub(crate) fn remark(line: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "{}", lines_visible(&line.to_string())).ok();
}

/// The text on one line, as what it is: a terminal obeys control characters and turns around what stands between bidirectional
/// ones, and a reason for a ban may hold any.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if turns_text(character) => {
                write!(shown, "{}", character.escape_unicode()).ok();
            }
            _ if character.is_control() => {
                write!(shown, "{}", character.escape_default()).ok();
            }
            _ => shown.push(character),
        }
    }
    shown
}

/// As [`visible`], of a text whose lines and tabs are meant.
fn lines_visible(text: &str) -> String {
    let line = |line: &str| line.split('\t').map(visible).collect::<Vec<_>>().join("\t");
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

fn print(text: &str) {
    let written = writeln!(std::io::stdout(), "{text}");
    if let Err(error) = written.and_then(|()| std::io::stdout().flush())
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        UNWRITTEN.set(error).ok();
    }
}

/// Runs a command to its end on a small runtime of its own.
pub(crate) fn run(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let code = end(runtime.block_on(command));
            // Dropped, it would wait without a bound for what blocks: a look-up of a name, a read of a file.
            runtime.shutdown_background();
            code
        }
        Err(error) => end(Err(Failure::fault(&error))),
    }
}

/// What clap has to say instead of a command: help and the version are results, anything else is a mistake in what was typed.
pub(crate) fn told(said: &clap::Error) -> ExitCode {
    let written = said.print().and_then(|()| io::stdout().flush());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            end(Err(Failure::Fault(format!("the result cannot be written: {error}"))))
        }
        _ if said.use_stderr() => ExitCode::from(service::USAGE),
        _ => ExitCode::SUCCESS,
    }
}

/// The exit code of a result, after saying what went wrong.
pub(crate) fn end(result: Result<(), Failure>) -> ExitCode {
    let (text, code) = match (result, UNWRITTEN.get()) {
        (Ok(()), None) => return ExitCode::SUCCESS,
        // Whoever reads a code without the result must not take it for the whole story.
        (Ok(()) | Err(Failure::Refused(_)), Some(error)) => {
            (format!("the result cannot be written: {error}"), service::FAULT)
        }
        (Err(Failure::Refused(text)), None) => (text, service::REFUSED),
        (Err(Failure::Usage(text)), _) => (text, service::USAGE),
        (Err(Failure::Fault(text)), _) => (text, service::FAULT),
    };
    remark(text);
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_as_what_it_is() {
        for (text, shown) in [
            ("plain, Ünïcode → too", "plain, Ünïcode → too"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("a\nallow   b", "a\\nallow   b"),
            ("a\r\tb\u{7}\u{9b}", "a\\r\\tb\\u{7}\\u{9b}"),
            ("a\u{202e}b\u{2066}c\u{2028}", "a\\u{202e}b\\u{2066}c\\u{2028}"),
        ] {
            assert_eq!(visible(text), shown);
        }
        assert_eq!(lines_visible("a\n\tb\u{1b}\n"), "a\n\tb\\u{1b}\n");
    }
}
