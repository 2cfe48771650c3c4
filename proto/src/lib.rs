//! The wire: generated from `plimsoll/v1/*.proto`, with the proto3 JSON mapping. Nothing here is written by hand.

/// The messages and services of `plimsoll.v1`.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::restriction)]
pub mod v1 {
    tonic::include_proto!("plimsoll.v1");
    include!(concat!(env!("OUT_DIR"), "/strict/plimsoll.v1.serde.rs"));
    include!(concat!(env!("OUT_DIR"), "/lenient/plimsoll.v1.serde.rs"));
}

/// The descriptors of everything in [`v1`], for gRPC reflection and for the test that holds them against the event catalogue.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
