//! Why an order changes nothing, in the words that its operator reads.

use artifact::ImageRef;

use super::CatalogFault;
use crate::order::{BanTarget, Name, TooLong};

/// Why an order changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It cannot be read, or what was read cannot be meant.
    #[error("{0}")]
    Malformed(String),
    /// A ban names a remedy that the catalog does not declare.
    #[error("the catalog declares no remedy `{0}`; apply a `remedies` section that does, then order again")]
    UnknownRemedy(Name),
    /// A lift, remedy or closing names no ban that is active.
    #[error("no active ban {0}; `plimsoll status` lists the active ones")]
    UnknownBan(String),
    /// A fix names a ban of something that never points elsewhere.
    #[error(
        "{0} is the same for good, and no later digest of it is clean; only the ban of a tag can be fixed, else lift it"
    )]
    NothingMoves(BanTarget),
    /// A ban ends before it begins.
    #[error("its expiry is past already; name a time to come, or none")]
    Expired,
    /// A project names a lint policy that is not there.
    #[error("there is no policy `{0}`; apply it first, then the project again")]
    UnknownPolicy(Name),
    /// Two projects would publish under one name, each over the other.
    #[error(
        "{image} is published by the project `{by}` already; give this one another image, or apply that one with another"
    )]
    TakenImage {
        /// The image.
        image: ImageRef,
        /// Whose it is.
        by: Name,
    },
    /// A ban's replacement is banned itself.
    #[error("the replacement {0} is banned itself; name another one, or lift that ban first")]
    BannedReplacement(ImageRef),
    /// A policy that only its evaluator reads is not sound, as the invalidator says.
    #[error("{0}")]
    Unsound(String),
    /// It says more than anybody reads.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// A section of the catalog contradicts itself, or leads where nobody may go.
    #[error(transparent)]
    Catalog(Box<CatalogFault>),
}
