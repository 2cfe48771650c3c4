//! How a command ends: what it prints, and with which code. 0 done, 1 refused, 2 a mistake in what was typed, 3 a fault outside.

use std::{future::Future, io::Write as _, process::ExitCode};

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

impl Failure {
    pub(crate) fn fault(error: &dyn std::error::Error) -> Self {
        Self::Fault(Chain(error).to_string())
    }

    pub(crate) fn usage(error: impl ToString) -> Self {
        Self::Usage(error.to_string())
    }
}

/// Prints a line of the result. A reader that has seen enough (`| head`) is no fault of anybody's: the rest goes nowhere.
pub(crate) fn say(line: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{line}").ok();
}

/// Prints a remark that is no result: to standard error, so that results can be piped. Nobody has to listen.
pub(crate) fn remark(line: impl std::fmt::Display) {
    writeln!(std::io::stderr(), "{line}").ok();
}

/// Runs a command to its end on a small runtime of its own.
pub(crate) fn run(command: impl Future<Output = Result<(), Failure>>) -> ExitCode {
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => end(runtime.block_on(command)),
        Err(error) => end(Err(Failure::fault(&error))),
    }
}

/// The exit code of a result, after saying what went wrong.
pub(crate) fn end(result: Result<(), Failure>) -> ExitCode {
    let (text, code) = match result {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::Refused(text)) => (text, service::REFUSED),
        Err(Failure::Usage(text)) => (text, service::USAGE),
        Err(Failure::Fault(text)) => (text, service::FAULT),
    };
    remark(text);
    ExitCode::from(code)
}
