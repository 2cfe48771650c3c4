//! The runtime's own ids. Not names: those people choose, and a name may pass to another container.

use std::{fmt, str::FromStr};

/// Long enough for every runtime (Docker's ids have 64 characters), short enough for a key.
const LONGEST: usize = 128;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not an id of a container runtime; an id has letters, digits and . _ - and starts with no sign"
)]
pub struct InvalidId(pub String);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// The id as the runtime writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if is_word(text, LONGEST) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(InvalidId(text.chars().take(LONGEST).collect()))
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// A container's id: never given to another one.
    ContainerId
}

id! {
    /// A prepared command's id: fit to be written down before the command starts, and asked after by another process.
    ExecId
}

/// Whether `text` is `[A-Za-z0-9][A-Za-z0-9_.-]*` of at most `longest` characters: the grammar of Docker's and
/// containerd's ids and names, which is also safe in the path of a request.
pub(crate) fn is_word(text: &str, longest: usize) -> bool {
    text.len() <= longest
        && text.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, accepted: bool) {
        assert_eq!(text.parse::<ContainerId>().is_ok(), accepted, "{text}");
        assert_eq!(text.parse::<ExecId>().is_ok(), accepted, "{text}");
    }

    #[test]
    fn an_id_is_one_word_that_cannot_leave_its_place_in_a_path() {
        check(&"0a9f".repeat(16), true);
        check("web-1.main_2", true);
        check("", false);
        check("../images", false);
        check(".hidden", false);
        check("a/b", false);
        check("a?force=1", false);
        check("a%2fb", false);
        check(&"a".repeat(129), false);
    }
}
