//! The real watcher between a real registry, a real git host and a real broker: what is pushed becomes a fact, once.

#![cfg(test)]

mod images;
mod refused;
mod sources;
mod world;
