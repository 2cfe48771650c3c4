//! The real notifier between a real broker, a real git host and a receiver that listens: each team hears what it must act on, once.

#![cfg(test)]

mod receiver;
mod told;
mod world;
