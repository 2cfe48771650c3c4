//! How one field crosses between domain and wire. In proto3 a field that is absent is empty, so `None` is written as empty.

use artifact::{BaseRole, ChainId, DiffId, Digest, ImageRef, Platform, Repository, Tag};
use pbjson_types::Timestamp;
use time::OffsetDateTime;
use verdict::{
    Decision, Sequence, VersionRule,
    order::{Name, Operator},
};

/// A type that can stand in a message.
pub(crate) trait Field: Sized {
    /// Its form in the generated code.
    type Wire;

    /// Reads it; the error says what is wrong and what to write.
    fn read(wire: Self::Wire) -> Result<Self, String>;

    /// Writes it.
    fn write(self) -> Self::Wire;
}

macro_rules! plain {
    ($($type:ty),+ $(,)?) => {$(
        impl Field for $type {
            type Wire = $type;

            fn read(wire: $type) -> Result<Self, String> {
                Ok(wire)
            }

            fn write(self) -> $type {
                self
            }
        }
    )+};
}

macro_rules! text {
    ($($type:ty),+ $(,)?) => {$(
        impl Field for $type {
            type Wire = String;

            fn read(wire: String) -> Result<Self, String> {
                if wire.is_empty() {
                    return Err("it is missing".to_owned());
                }
                wire.parse::<$type>().map_err(|error| error.to_string())
            }

            fn write(self) -> String {
                self.to_string()
            }
        }

        impl Field for Option<$type> {
            type Wire = String;

            fn read(wire: String) -> Result<Self, String> {
                if wire.is_empty() { Ok(None) } else { <$type>::read(wire).map(Some) }
            }

            fn write(self) -> String {
                self.map(|value| value.to_string()).unwrap_or_default()
            }
        }
    )+};
}

plain!(String, bool, u32, u64, i64, Option<u64>, std::collections::HashMap<String, String>);
text!(Digest, DiffId, ChainId, ImageRef, Repository, Platform, BaseRole, Name, Operator, VersionRule);

impl Field for Tag {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        wire.parse().map_err(|()| format!("`{wire}` is not a tag"))
    }

    fn write(self) -> String {
        self.to_string()
    }
}

impl Field for Option<Tag> {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        if wire.is_empty() { Ok(None) } else { Tag::read(wire).map(Some) }
    }

    fn write(self) -> String {
        self.map(|tag| tag.to_string()).unwrap_or_default()
    }
}

impl Field for Decision {
    type Wire = String;

    fn read(wire: String) -> Result<Self, String> {
        wire.parse().map_err(|()| format!("`{wire}` is not a decision; write allow, warn or refuse"))
    }

    fn write(self) -> String {
        self.to_string()
    }
}

impl Field for Sequence {
    type Wire = u64;

    fn read(wire: u64) -> Result<Self, String> {
        if wire == 0 { Err("it is missing; sequences begin at 1".to_owned()) } else { Ok(Self(wire)) }
    }

    fn write(self) -> u64 {
        self.0
    }
}

impl Field for Option<Sequence> {
    type Wire = u64;

    fn read(wire: u64) -> Result<Self, String> {
        Ok((wire > 0).then_some(Sequence(wire)))
    }

    fn write(self) -> u64 {
        self.map_or(0, |sequence| sequence.0)
    }
}

impl Field for Option<OffsetDateTime> {
    type Wire = Option<Timestamp>;

    fn read(wire: Self::Wire) -> Result<Self, String> {
        let Some(Timestamp { seconds, nanos }) = wire else { return Ok(None) };
        let nanoseconds = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
        OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
            .map(Some)
            .map_err(|_| "it is not a time; write it as in 2026-11-24T12:00:00Z".to_owned())
    }

    fn write(self) -> Self::Wire {
        self.map(|at| Timestamp {
            seconds: at.unix_timestamp(),
            nanos: i32::try_from(at.nanosecond()).unwrap_or_default(),
        })
    }
}

impl Field for OffsetDateTime {
    type Wire = Option<Timestamp>;

    fn read(wire: Self::Wire) -> Result<Self, String> {
        <Option<OffsetDateTime>>::read(wire)?.ok_or_else(|| "it is missing".to_owned())
    }

    fn write(self) -> Self::Wire {
        Some(self).write()
    }
}

impl<T: Field> Field for Vec<T> {
    type Wire = Vec<T::Wire>;

    fn read(wire: Self::Wire) -> Result<Self, String> {
        wire.into_iter().map(T::read).collect()
    }

    fn write(self) -> Self::Wire {
        self.into_iter().map(T::write).collect()
    }
}

/// A message inside a message; proto3 makes every such field optional, we do not.
impl<T: Field> Field for Box<T> {
    type Wire = Option<T::Wire>;

    fn read(wire: Self::Wire) -> Result<Self, String> {
        wire.map(T::read).transpose()?.map(Self::new).ok_or_else(|| "it is missing".to_owned())
    }

    fn write(self) -> Self::Wire {
        Some((*self).write())
    }
}
