//! Organisation policies in Rego over a Dockerfile, in the shape that conftest gives it. Not the linter's own rules, and not which finding refuses.
//!
//! Policies written for conftest run as they are, in the syntax of Rego v1 and of v0. What the reader of a verdict needs and conftest
//! does not tell, lines, comes beside the input (see [`input`]). Pure but for the engine's own clock: an evaluation that takes longer than it may is
//! stopped there. One builtin that runs away inside is not, nor is memory: whoever evaluates other people's policies does so in a
//! process with limits of its own.

mod builtins;
mod calls;
mod compile;
mod deprecated;
mod evaluate;
mod format;
mod module;
mod regular;
mod stack;
mod suite;
mod weight;

pub mod input;

pub use compile::{Mistake, Policy, Text};
pub use evaluate::{Fault, Finding, Kind, Subject, Verdict};
pub use suite::{Outcome, TestResult};

#[cfg(test)]
mod tests;
