//! The gate's own binary as the authorization plugin of a real Docker daemon, on a real broker.

#![cfg(test)]

mod away;
mod broker;
mod daemon;
mod full;
mod removed;
mod site;
mod stale;
mod tricks;
