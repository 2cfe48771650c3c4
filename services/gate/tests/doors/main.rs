//! The gate's own binary as the authorization plugin of a real Docker daemon, on a real broker.

#![cfg(test)]

mod broker;
mod daemon;
mod site;
mod stale;
mod tricks;
