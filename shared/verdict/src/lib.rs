//! Orders, the snapshot they fold into, and the one function that decides. Pure: time is an argument, nothing is fetched.
//!
//! # Layout
//! [`order`] what operators decide · [`resolution`] what it turned out to mean · [`snapshot`] the fold of both ·
//! [`mod@decide`] may this image pass this door? · [`from`] which base does this FROM get?

pub mod decide;
pub mod from;
pub mod order;
pub mod resolution;
pub mod snapshot;

pub use decide::{Decision, Door, Mode, Rule, Verdict, decide};
pub use from::{BaseChoice, choose_base};
pub use order::{Operator, Order, OrderRecord, Sequence};
pub use resolution::Resolution;
pub use snapshot::{AsOf, Outcome, Rejection, Snapshot};
