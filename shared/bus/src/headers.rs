//! What travels beside a body: the deduplication id, CloudEvents attributes, and the trace.

use std::collections::HashMap;

use async_nats::HeaderMap;
use sha2::{Digest as _, Sha256};

/// What the headers of a message may have together: those of an event have half of it, trace and all.
pub(crate) const LARGEST_BYTES: usize = 1024;

/// The deduplication id of `body` on `subject`, caused by `cause`.
///
/// It holds a hash of the content, since a broker drops a known id whatever the message says (measured: same id, other body, dropped).
/// It holds the cause, since the same fact may become true again.
pub(crate) fn message_id(subject: &str, cause: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    for part in [subject.as_bytes(), cause.as_bytes(), body] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// Headers of a published event (CloudEvents binary mode, attributes in lower case).
pub(crate) fn event(kind: &str, source: &str, id: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", id);
    headers.insert("ce-specversion", "1.0");
    headers.insert("ce-id", id);
    headers.insert("ce-source", format!("/plimsoll/{source}").as_str());
    headers.insert("ce-type", format!("dev.{kind}.v1").as_str());
    headers.insert("content-type", "application/json");
    add_trace(&mut headers);
    headers
}

/// Adds the current span's context.
pub(crate) fn add_trace(headers: &mut HeaderMap) {
    for (name, value) in telemetry::carry(&tracing::Span::current()) {
        headers.insert(name.as_str(), value.as_str());
    }
}

/// The headers that carry a trace, by lower-case name.
pub(crate) fn trace_of(headers: Option<&HeaderMap>) -> HashMap<String, String> {
    ["traceparent", "tracestate"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), headers?.get(name)?.to_string())))
        .collect()
}
