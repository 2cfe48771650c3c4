//! The gate: answers "may this start?" from memory, at every door of its node. Small and boring: it fetches nothing it can remember.
//!
//! # Layout
//! [`docker`] what a request to Docker's daemon asks · `memory` what the streams said · `journal` the same on the disk · `disk` a store that is
//! opened again after its disk failed · `freshness` how old it
//! may be · `facts` what is known of an image · `seen` what images were
//! that are gone · `judge` the verdict, and the report of a refusal · `check` the questions of people and tools · `plugin` Docker's questions ·
//! `run` the process.

mod check;
mod config;
mod disk;
mod facts;
mod freshness;
mod journal;
mod judge;
mod memory;
mod plugin;
mod run;
mod seen;
mod socket;

pub mod docker;

pub use config::Config;
pub use run::run;
