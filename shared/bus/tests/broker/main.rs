//! The bus against a real broker with the real accounts.

#![cfg(test)]

mod embedded;
mod forged;
mod permissions;
mod questions;
mod streams;
mod who;
