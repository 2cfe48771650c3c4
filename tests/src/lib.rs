//! The world in which the whole pipeline is tried: a real broker, registry, git host and Docker daemon, and the story that is played
//! in it. Shared by the demo and the tests; no service depends on it.

pub mod announced;
pub mod apart;
pub mod asking;
pub mod chaos;
pub mod definitions;
pub mod facts;
pub mod hostile;
pub mod images;
pub mod notices;
pub mod pipeline;
pub mod processes;
pub mod story;
pub mod teller;
pub mod wire;
pub mod world;
