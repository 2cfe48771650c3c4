//! The builder: turns pushes and bans into builds, and one commit into one published image. Two roles with two identities: the planner
//! decides and touches nothing, the worker builds and decides nothing.
//!
//! # Layout
//! `planner` what is built, and when · `worker` one build from commit to tag · [`driver`] the build itself · [`isolation`] where its
//! steps are confined · [`buildah`] the program that builds · [`layout`] what it left, verified · [`provenance`] how it was made.

mod planner;
mod worker;

pub mod buildah;
pub mod driver;
pub mod isolation;
pub mod layout;
pub mod provenance;

pub use planner::{Config as PlannerConfig, plan};
pub use worker::{Config as WorkerConfig, work};
