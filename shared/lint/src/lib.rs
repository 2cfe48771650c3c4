//! The linter: rules as values, findings, and the policy that makes findings refuse. Not the catalog, which judges images.
//!
//! # Layout
//! [`Rule`] what a rule is · [`rules`] one file a rule, and the list of all · `subject` a file as the rules see it · `script` the
//! commands inside RUN · [`Policy`] what refuses · [`Config`] where policies come from: hadolint's file, variables and flags · `pragma` what a file silences itself · [`Linter`] a policy made ready ·
//! [`render`] findings as text and as JSON.
//!
//! Codes, levels and lines are those of hadolint 2.15 where it has the rule (`DL…`); our own begin with `PL`.

mod config;
mod context;
mod finding;
mod linter;
mod policy;
mod pragma;
pub mod render;
mod rule;
pub mod rules;
mod script;
mod shell_scripts;
mod subject;

pub use config::{Config, Mistake, Place, Problem, label, threshold};
pub use context::Context;
pub use finding::{Finding, InvalidLevel, Level, Report, unreadable};
pub use linter::{Linter, lint};
pub use policy::{InvalidLabelFormat, LabelFormat, Policy, Silencing};
pub use rule::Rule;
pub use rules::rule;
pub use shell_scripts::{Script, scripts};

#[cfg(test)]
mod tests;
