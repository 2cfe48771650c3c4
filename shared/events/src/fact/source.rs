//! Facts about definitions.

use verdict::order::Name;

use crate::message::message;

message! {
    /// A project's branch has a new head. By the watcher, after asking the git host.
    SourcePushed {
        /// The project.
        project: Name,
        /// The commit, as 40 or 64 hex digits.
        commit: String,
        /// The branch.
        branch: String,
    }
}
