//! `shared/dockerfile` against the official parser, PyPI `dockerfile` 3.4.0, which carries the one of BuildKit 0.12.5.
//!
//! That parser ends where lines are split into words. What an instruction makes of its words it does not know, so mistakes
//! such as a second argument of FROM are ours alone: they are left out of who rejects what, and the words are compared all the same.

mod named;
mod peer;
mod reading;

use dockerfile::Dockerfile;

pub use named::Difference;
pub use peer::Peer;
pub use reading::{Command, Reading, ours};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Both accept it and read the same.
    Agreed,
    /// Both reject it.
    Rejected,
    /// They differ where it is known that and why they do.
    Named(Difference),
    /// They differ; ours and theirs in short.
    Differs(String, String),
}

/// Compares the two readings of one file.
pub fn compare(file: &Dockerfile, theirs: &Reading) -> Outcome {
    let ours = ours(file);
    match (&ours, theirs) {
        (Reading::Rejected(_), Reading::Rejected(_)) => Outcome::Rejected,
        (Reading::Accepted(our), Reading::Accepted(their)) if our == their => Outcome::Agreed,
        _ => match named::named(file, &ours, theirs) {
            Some(difference) => Outcome::Named(difference),
            None => {
                let (ours, theirs) = reading::first_difference(&ours, theirs);
                Outcome::Differs(ours, theirs)
            }
        },
    }
}
