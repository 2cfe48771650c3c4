//! The only crate that names the broker's client. Bytes and subjects cross here; what they mean is `events`' business.
//!
//! # Layout
//! [`Connection`] one identity's way to the broker · [`feed`] read streams from the beginning · [`fill`] how full one is · [`heartbeat`] how far they reach · [`consume`](consume()) share a
//! stream with replicas: the one run loop · [`dead`] what it laid aside · [`bucket`] create once · [`order`] give an order · [`ear`] listen live · [`rpc`] ask and answer · [`presence`] who is there · [`conditions`] what is wrong · [`limits`] what is nearly full · [`bootstrap`] streams, consumers and
//! buckets as the topology has them · [`accounts`] the server's configuration from the same table · [`keyring`] the identities · [`server`] a
//! server as a child · [`health`] whether it can store.

mod config;
mod connection;
mod headers;

pub mod accounts;
pub mod bootstrap;
pub mod bucket;
pub mod conditions;
pub mod consume;
pub mod dead;
pub mod ear;
pub mod feed;
pub mod fill;
pub mod health;
pub mod heartbeat;
pub mod keyring;
pub mod limits;
pub mod order;
pub mod presence;
pub mod rpc;
pub mod server;

pub use bucket::Entries;
pub use conditions::Conditions;
pub use config::Config;
pub use connection::{Connection, Error};
pub use consume::{Classify, Delivery, Disposition, Handler, Limits, Outbox, consume};
pub use feed::{Feed, Heard, Mark, Record};
