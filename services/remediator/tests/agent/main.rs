//! The agent's own binary against a real broker and a real Docker daemon.

#![cfg(test)]

mod broker;
mod crash;
mod remedy;
mod site;
