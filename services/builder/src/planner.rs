//! The planner: turns pushes and bans into builds, each once, in the order of what stands on what. It alone releases work.
//!
//! # Layout
//! [`state`] what the streams said · [`attempt`] which attempt at a build is due · [`campaign`] what a ban asks for, and how far it is · [`graph`] what is built before what ·
//! [`telling`] what is said of it · [`request`] what a person is told who asks for a build · [`run`] the loop.

mod attempt;
mod campaign;
mod graph;
mod request;
mod run;
mod state;
mod telling;

pub use run::{Config, plan};
