//! Trace context on its way: W3C `traceparent` in headers, and the trace that an order opens by itself.

use std::collections::HashMap;

use opentelemetry::{
    Context, SpanId, TraceFlags, TraceId, global,
    trace::{SpanContext, TraceContextExt as _, TraceState},
};
use sha2::{Digest as _, Sha256};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// The headers that carry `span`'s context to whoever reads the message.
pub fn carry(span: &Span) -> HashMap<String, String> {
    let mut headers = HashMap::new();
    global::get_text_map_propagator(|propagator| propagator.inject_context(&span.context(), &mut headers));
    headers
}

/// Makes `span` a child of the context in `headers`, if they carry one.
pub fn adopt(span: &Span, headers: &HashMap<String, String>) {
    let context = global::get_text_map_propagator(|propagator| propagator.extract(headers));
    if context.span().span_context().is_valid() {
        set_parent(span, context);
    }
}

/// Makes `span` part of the trace that an order opens.
///
/// The trace id derives from the order's place and time in its stream, so that a plain publish, which carries no context, is one
/// trace across all who read it.
pub fn adopt_order(span: &Span, sequence: u64, stored_at_nanoseconds: i128) {
    let seed = Sha256::digest(format!("plimsoll order {sequence} {stored_at_nanoseconds}"));
    let mut trace = [0; 16];
    let mut root = [0; 8];
    trace.iter_mut().zip(seed.iter()).for_each(|(to, from)| *to = *from);
    root.iter_mut().zip(seed.iter().skip(16)).for_each(|(to, from)| *to = *from);
    let parent = SpanContext::new(
        TraceId::from_bytes(trace),
        SpanId::from_bytes(root),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    set_parent(span, Context::new().with_remote_span_context(parent));
}

fn set_parent(span: &Span, context: Context) {
    // It fails only on a span that has begun or is switched off, and then there is nothing to connect.
    if let Err(error) = span.set_parent(context) {
        tracing::debug!(%error, "A span has no parent.");
    }
}
