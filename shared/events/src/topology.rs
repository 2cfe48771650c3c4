//! Who may say, hear and keep what. Streams, buckets and roles as data: bootstrap, permissions and tests all read this one table.

mod role;
mod stream;

pub use role::{Account, Bucket, Durable, Role, RoleSpec};
pub use stream::{Keep, StreamName, StreamSpec};
