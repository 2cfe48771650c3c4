//! Other people's programs as children: run to their end or stopped whole, bounded in what they print and in the disk they take. What
//! a child may do is its starter's business.

mod log;
mod run;

pub mod disk;

pub use log::Log;
pub use run::{Ended, run};
