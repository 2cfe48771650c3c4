//! The linter: rules as values, findings, and the policy that makes findings refuse. Not the catalog, which judges images.
//!
//! # Layout
//! [`rules`] one file a rule, and the table of all · `pragma` what a file silences itself · `policy` what refuses ·
//! `script` the commands inside RUN · [`render`] findings as text and as JSON.
//!
//! Codes, levels and lines are those of hadolint 2.15 where it has the rule (`DL…`); our own begin with `PL`.

mod finding;
mod policy;
mod pragma;
pub mod render;
pub mod rules;
mod script;

pub use finding::{Finding, InvalidLevel, Level, Report};
pub use policy::{Policy, lint};
pub use rules::{Rule, rule};

#[cfg(test)]
mod tests;
