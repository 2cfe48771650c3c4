//! The world in which the whole pipeline is tried: a real broker, registry, git host and Docker daemon, and the story that is played
//! in it. Shared by the demo and the tests; no service depends on it.

pub mod world;
pub mod facts;
pub mod notices;
pub mod images;
pub mod teller;
pub mod story;
