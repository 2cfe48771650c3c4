//! What must hold for every text, as functions that panic where it does not. Not the fuzzer: `targets/` hands these what it makes up.
//!
//! # Layout
//! [`written`] texts made from a grammar, so that chance finds its corners · [`spans`] every place a file names is in it · [`parser`],
//! [`expansion`], [`rewrite`], [`reference`], [`diff`] one property each.

pub mod diff;
pub mod expansion;
pub mod parser;
pub mod reference;
pub mod rewrite;
mod spans;
pub mod written;
