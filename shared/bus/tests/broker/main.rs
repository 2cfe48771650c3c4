//! The bus against a real broker with the real accounts.

mod embedded;
mod forged;
mod permissions;
mod streams;
