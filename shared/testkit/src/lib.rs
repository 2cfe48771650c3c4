//! Real parts for tests and the demo: each guard starts one on free ports in its own directory and removes every trace on drop.
//!
//! For development only: no service depends on it. Nothing here imitates a part; what is started is the part itself.

pub mod command;
pub mod script;
pub mod tools;
pub mod wait;

pub mod docker;
pub mod foreign;
pub mod git;
pub mod http_proxy;
pub mod image;
pub mod process;
pub mod proxy;
pub mod registry;
