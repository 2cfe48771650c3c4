//! ShellCheck on the scripts of RUN: many scripts a process, processes side by side, answers kept. Not which scripts there are (see
//! `lint::scripts`), and not a linter of its own: without an installed `shellcheck` there is nothing to ask.
//!
//! # Layout
//! [`Checker`] what is asked · `run` one process over many scripts · `report` what it prints · `cache` what it said before.

mod cache;
mod checker;
mod report;
mod run;

pub use checker::{Checker, Options};
pub use run::Error;

#[cfg(test)]
mod tests;
