//! The planner: turns pushes and bans into builds, each once, in the order of what stands on what. It alone releases work.
//!
//! # Layout
//! [`state`] what the streams said · [`campaign`] what a ban asks for, and how far it is · [`graph`] what is built before what ·
//! [`telling`] what is said of it · [`run`] the loop.

mod campaign;
mod graph;
mod run;
mod state;
mod telling;

pub use run::{Config, plan};
