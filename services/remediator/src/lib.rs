//! The remediator's agent: keeps the inventory of its node's running containers and runs declared remedies in those that a ban covers.
//!
//! # Layout
//! [`due`] which runs are due, from snapshot and inventory · `inventory` what runs here, and what changed · `watch` the runtime, listened
//! to aside · [`journal`] what is written down of a run, so that it happens once · `carry_out` one run from its claim to its fact ·
//! `announce` facts of containers, told aside · `state` what is to be done next · `run` the loop.

mod announce;
mod carry_out;
mod config;
mod inventory;
mod run;
mod state;
mod watch;

pub mod due;
pub mod journal;

pub use config::Config;
pub use run::run;
