//! What runs on this node and the way to run a command in it; which containers and which commands is decided elsewhere.
//!
//! One [`Runtime`] speaks to one container runtime. The driver there is now speaks Docker's Engine API over a unix
//! socket, which Podman's system service answers too. Others join `Driver` beside it.

mod config;
mod container;
mod docker;
mod error;
mod exec;
mod id;
mod image;
mod runtime;

pub use config::Config;
pub use container::{Container, Lifecycle};
pub use error::Error;
pub use exec::{Ending, ExecState, Outcome};
pub use id::{ContainerId, ExecId, InvalidId};
pub use image::Image;
pub use runtime::Runtime;
