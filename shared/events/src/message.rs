//! One declaration a message: its domain struct, its two-way conversion, its JSON. The generated struct is destructured whole, so a
//! field that `proto/` gains breaks the build at the place that must decide about it.

macro_rules! message {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $type,)*
        }

        impl TryFrom<::proto::v1::$name> for $name {
            type Error = $crate::Malformed;

            fn try_from(wire: ::proto::v1::$name) -> Result<Self, $crate::Malformed> {
                let ::proto::v1::$name { $($field),* } = wire;
                Ok(Self {
                    $($field: $crate::field::Field::read($field)
                        .map_err(|reason| $crate::Malformed::Field { field: stringify!($field), reason })?,)*
                })
            }
        }

        impl From<$name> for ::proto::v1::$name {
            fn from(domain: $name) -> Self {
                let $name { $($field),* } = domain;
                Self { $($field: $crate::field::Field::write($field)),* }
            }
        }

        impl $crate::field::Field for $name {
            type Wire = ::proto::v1::$name;

            fn read(wire: Self::Wire) -> Result<Self, String> {
                Self::try_from(wire).map_err(|error| error.to_string())
            }

            fn write(self) -> Self::Wire {
                self.into()
            }
        }

        impl $crate::Body for $name {
            fn encode(self) -> Vec<u8> {
                $crate::message::encode(&::proto::v1::$name::from(self))
            }

            fn decode(body: &[u8]) -> Result<Self, $crate::Malformed> {
                $crate::message::decode::<::proto::v1::$name>(body)?.try_into()
            }
        }
    };
}

macro_rules! events {
    ($($name:ident on $kind:literal in $stream:ident, by |$event:ident| $key:expr;)+) => {
        /// The events of this module, as the catalogue lists them.
        pub const ENTRIES: &[$crate::Entry] = &[
            $($crate::Entry {
                message: stringify!($name),
                kind: $kind,
                stream: $crate::topology::StreamName::$stream,
            }),+
        ];

        $(impl $crate::Event for $name {
            const KIND: &'static str = $kind;
            const STREAM: $crate::topology::StreamName = $crate::topology::StreamName::$stream;

            fn key(&self) -> Vec<String> {
                let $event = self;
                $key
            }

            fn encode(self) -> Vec<u8> {
                $crate::Body::encode(self)
            }

            fn decode(body: &[u8]) -> Result<Self, $crate::Malformed> {
                $crate::Body::decode(body)
            }
        })+
    };
}

pub(crate) use {events, message};

use serde::{Serialize, de::DeserializeOwned};

use crate::Malformed;

/// The proto3 JSON form. Generated serializers only fail on maps with odd keys, which we have none of.
pub(crate) fn encode<T: Serialize>(wire: &T) -> Vec<u8> {
    serde_json::to_vec(wire).unwrap_or_default()
}

/// Reads the proto3 JSON form; as strict about unknown fields as the message's own generated reader.
pub(crate) fn decode<T: DeserializeOwned>(body: &[u8]) -> Result<T, Malformed> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(Malformed::Empty);
    }
    serde_json::from_slice(body).map_err(|error| Malformed::Json(error.to_string()))
}
