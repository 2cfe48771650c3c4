//! Orders, the snapshot they fold into, and the one function that decides. Pure: time is an argument, nothing is fetched.
//!
//! # Layout
//! [`order`] what operators decide · [`resolution`] what it turned out to mean · [`snapshot`] the fold of both ·
//! [`mod@decide`] may this image pass this door? · [`from`] which base does this FROM get? ·
//! [`version`] what a tag says of its age · [`freshness`] how old is what somebody holds?

pub mod decide;
pub mod freshness;
pub mod from;
mod glob;
pub mod order;
pub mod resolution;
pub mod snapshot;
pub mod version;

pub use decide::{Aged, Decision, Door, Mode, OnStale, Rule, StalePolicy, Verdict, decide, decide_unless};
pub use from::{BaseChoice, FromRule, choose_added, choose_base, refuse_unresolved};
pub use order::{Operator, Order, OrderRecord, Sequence};
pub use resolution::Resolution;
pub use snapshot::{AsOf, Outcome, Rejection, Snapshot};
pub use version::{Version, VersionRule};
