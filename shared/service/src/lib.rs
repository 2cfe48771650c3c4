//! The life of a service process: arguments, configuration, telemetry, connection, health, signals, drain, exit code. All of them
//! live it alike; what differs is the body that each passes in.

mod arguments;
mod config;
pub mod disk;
mod ending;
mod follow;
mod freshness;
mod health;
mod lifetime;
mod watchdog;

pub use arguments::Arguments;
pub use config::{Mistakes, check, load, section};
pub use follow::follow;
pub use freshness::{Freshness, since_boot};
pub use health::Readiness;
pub use lifetime::{Context, Fault, main, run};

/// Exit code of a refusal: the question was understood, and the answer is no.
pub const REFUSED: u8 = 1;
/// Exit code of a mistake in arguments or configuration.
pub const USAGE: u8 = 2;
/// Exit code of a fault outside: broker, registry, disk.
pub const FAULT: u8 = 3;
