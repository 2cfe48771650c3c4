//! The bus against a real broker with the real accounts.

#![cfg(test)]

mod behind;
mod dead;
mod embedded;
mod forged;
mod heartbeat;
mod limits;
mod permissions;
mod questions;
mod sizes;
mod streams;
mod who;
