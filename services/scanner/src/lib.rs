//! The scanner: says what is wrong with a definition, and what the catalog makes of every image in it.
//!
//! # Layout
//! [`scan`](mod@scan) the answer, pure · `memory` what orders say at this moment, and scans under them · `scripts` ShellCheck asked
//! about them · `rescan` known definitions scanned again when the rules change · `grpc` the same answer for other platforms · `run` the
//! process.

mod config;
mod grpc;
mod memory;
mod rescan;
mod run;
mod scripts;

pub mod scan;

pub use config::Config;
pub use run::run;
