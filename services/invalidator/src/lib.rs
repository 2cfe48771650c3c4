//! The invalidator: says what orders mean, which images they cover, and what became of it. The only writer of RESOLUTIONS.
//!
//! # Layout
//! [`index`] who stands on whom · `coverage` what a ban covers · `state` what has been said and what is left to say · `lookup` the
//! registry, asked aside · `compile` policies' modules, compiled aside · `ledger` what became of each campaign · `answers` why, and how do things stand ·
//! `backlog` what is said of images, when nothing else waits · `heartbeat` how far the streams reach, every second · `room` how full
//! RESOLUTIONS is · `run` the loop.

mod answers;
mod backlog;
mod compile;
mod config;
mod coverage;
mod heartbeat;
mod ledger;
mod lookup;
mod room;
mod run;
mod state;

pub mod index;

pub use config::Config;
pub use run::run;
