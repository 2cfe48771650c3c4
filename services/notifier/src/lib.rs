//! The notifier: tells a team what became of its build, once: a branch with the change that makes its source agree with what was
//! built, and a webhook. What went as it was written is not told. A definition that became refused because the rules changed is told too.
//!
//! # Layout
//! `notice` what is told, and whether · `handler` one build told, channel by channel · `webhook` the generic webhook · `projects` whom
//! to tell · `turns` one at a time · `error` what is tried again · `run` the process. Branches are pushed by the crate `source`.

mod config;
mod error;
mod handler;
mod notice;
mod projects;
mod run;
mod turns;
mod webhook;

pub use config::Config;
pub use run::run;
