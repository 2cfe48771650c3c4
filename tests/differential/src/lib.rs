//! Ours against the peers: files made from a grammar and a seed, both readings, and the smallest text on which they differ.
//!
//! A comparison is: [`Grammar`] and [`Random`] make a file, [`mutate`] damages some, the two sides read it, [`shrink`] makes
//! small what they read in two ways. The seed is printed, so that any run can be repeated. [`lint`] is the half about rules; [`Selection`]
//! says to both halves what is compared.

mod grammar;
pub mod lint;
mod mutate;
pub mod parser;
mod random;
mod selection;
mod shrink;

pub use grammar::{Grammar, GrammarError};
pub use mutate::mutate;
pub use random::Random;
pub use selection::Selection;
pub use shrink::shrink;

/// Dockerfiles in every form, from the symbol `file` on.
pub const DOCKERFILES: &str = include_str!("../grammar/dockerfile.txt");
