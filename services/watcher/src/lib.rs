//! The watcher: turns what registries and git hosts say into facts. A webhook is a hint, and a poll finds what no webhook told; what
//! is published is what the registry or git host itself answers. Decides nothing about any of it.
//!
//! # Layout
//! `receive` takes webhooks · `signature` who sends them · `hint` what they say, one file a kind · `desk` follows each hint once and
//! on behalf of a sender that may have left · `poll` looks without being told · `images` and `sources` look and tell · `told` what
//! was told · `recall` what was told before a restart · `journal` what a dying broker may have lost of it · `memory` what there is to look at · `run` the process.

mod config;
mod desk;
mod error;
mod hint;
mod images;
mod journal;
mod memory;
mod poll;
mod recall;
mod receive;
mod run;
mod signature;
mod sources;
mod told;

pub use config::{Config, Kind, Secret, Source};
pub use run::run;
