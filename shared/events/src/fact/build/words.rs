//! The closed sets of words that facts about builds use, on the wire and for people.

use std::{fmt, str::FromStr};

use crate::field::Field;

/// How a build ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The image stands under its tag.
    Published,
    /// It was built and pushed by digest, but the tag belongs to a build of a later push, or of the same one that was released later.
    Superseded,
    /// The definition, its bases or the result are not allowed: the team must act.
    Refused,
    /// It did not build.
    Failed,
}

/// Whose a failure is, which decides whether the build is tried again by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureClass {
    /// The team's: its definition, a step of its build, or a refusal by the catalog or a ban. Only a person has it built again.
    Team,
    /// Operations': credentials, a missing base, a disk, the configuration. It is tried again, ever more slowly.
    Ours,
    /// Something did not answer. It is tried again, ever more slowly.
    Transient,
}

/// What kind of work a build is; each has consumers of its own, so that none stands behind another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// A critical ban's rebuild, or what a person asked for.
    Urgent,
    /// Another ban's rebuild.
    Campaign,
    /// A push.
    Routine,
}

macro_rules! words {
    ($type:ident, $what:literal: $($variant:ident = $word:literal),+ $(,)?) => {
        impl $type {
            /// Every one of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word used on the wire and for people.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $type {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let found = Self::ALL.iter().find(|known| known.as_str() == text);
                found.copied().ok_or_else(|| format!("`{text}` is no {}", $what))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Field for $type {
            type Wire = String;

            fn read(wire: String) -> Result<Self, String> {
                wire.parse()
            }

            fn write(self) -> String {
                self.to_string()
            }
        }
    };
}

words!(Outcome, "outcome of a build": Published = "published", Superseded = "superseded", Refused = "refused", Failed = "failed");
words!(FailureClass, "class of failures": Team = "team", Ours = "ours", Transient = "transient");
words!(Lane, "lane": Urgent = "urgent", Campaign = "campaign", Routine = "routine");

impl FailureClass {
    /// Whether a build that failed so is tried again by itself.
    pub fn is_retried(self) -> bool {
        match self {
            Self::Team => false,
            Self::Ours | Self::Transient => true,
        }
    }
}

impl Field for Option<FailureClass> {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        if wire.is_empty() { Ok(None) } else { wire.parse().map(Some) }
    }

    fn write(self) -> String {
        self.map(|class| class.to_string()).unwrap_or_default()
    }
}
