//! The heartbeat: how far ORDERS and RESOLUTIONS reached when it was issued. What a holder's age follows from is `verdict`'s business.

use time::OffsetDateTime;
use verdict::{AsOf, freshness::Heartbeat};

use crate::message::message;

message! {
    /// How far the streams reached at one moment, read where they are written.
    HeartbeatIssued {
        /// The start of the issuing process: a later one has a higher term.
        term: u64,
        /// Counts the heartbeats of a term, from 1.
        counter: u64,
        /// Before the streams were asked: whatever was stored by then is below the sequences.
        issued_at: OffsetDateTime,
        /// Last sequence of ORDERS.
        orders: u64,
        /// Last sequence of RESOLUTIONS.
        resolutions: u64,
    }
}

impl HeartbeatIssued {
    /// The subject; it stands in no stream.
    pub const SUBJECT: &'static str = "plimsoll.heartbeat.issued";
}

impl From<HeartbeatIssued> for Heartbeat {
    fn from(issued: HeartbeatIssued) -> Self {
        let HeartbeatIssued { term, counter, issued_at, orders, resolutions } = issued;
        Self { term, counter, issued_at, reached: AsOf { orders, resolutions } }
    }
}
