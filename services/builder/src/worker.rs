//! The worker: one released build from commit to published image. Any number of them share the queue.
//!
//! # Layout
//! [`run`] the process · [`slots`] who may run build steps · [`hosts`] those that do not answer · [`pipeline`] the steps in their order · [`definition`] what the scan says becomes a definition to build ·
//! [`inputs`] the images it stands on, [`stood_on`] and what is known of them then, [`excuse`] and what it may stand on all the same ·
//! [`known`] what scanners scan again · [`freshness`] whether what is known is new enough · [`publish`] the one moment at which something becomes visible · [`labels`] what it says of itself · [`attest`] how it was made.

mod attest;
mod definition;
mod excuse;
mod failure;
mod freshness;
mod hosts;
mod inputs;
mod known;
mod labels;
mod pipeline;
mod publish;
mod run;
mod slots;
mod stood_on;

pub use run::{Config, work};
