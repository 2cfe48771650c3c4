//! Organisation policies asked aside: in a child process with little memory, little time and no environment, so that no policy and no definition can
//! take its asker's memory, time or life. Not what policies mean (`policy`), and not which of their findings refuse.
//!
//! The child is the program itself, called with one argument; `main` calls [`inside::begin`] before anything else.
//!
//! # Layout
//! [`Config`] what it may take · [`Evaluator`] the asker's side · [`inside`] the child's side · `wire` what passes between them

mod config;
mod outside;
mod wire;

pub mod inside;

pub use config::Config;
pub use outside::{Answer, Evaluator, Found, Mistaken, Question, Unanswered};
pub use wire::Tested;
