//! Everything that crosses crates: the shape of the workspace, and the story on real parts. One binary, since each costs a link.

#![cfg(test)]

mod evaluator;
mod flow;
mod layers;
mod lint;
mod tidy;
mod wire;
