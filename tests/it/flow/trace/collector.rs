//! An OTLP collector that keeps what it is sent: the protocol's own server, as any tracing product has it.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    common::v1::{KeyValue, any_value::Value},
};
use tokio::{net::TcpListener, task::JoinSet};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status, transport::Server};

/// What is asked of a span here.
#[derive(Debug, Clone)]
pub(super) struct Span {
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) service: String,
    pub(super) name: String,
    /// The place in its stream of the message that was handled.
    pub(super) sequence: Option<u64>,
}

/// Listens until it is dropped.
pub(super) struct Collector {
    endpoint: String,
    spans: Spans,
    _listening: JoinSet<()>,
}

#[derive(Debug, Clone, Default)]
struct Spans(Arc<Mutex<Vec<Span>>>);

impl Collector {
    pub(super) async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let spans = Spans::default();
        let server = Server::builder().add_service(TraceServiceServer::new(spans.clone()));
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            server.serve_with_incoming(TcpListenerStream::new(listener)).await.ok();
        });
        Ok(Self { endpoint, spans, _listening: listening })
    }

    pub(super) fn endpoint(&self) -> String {
        self.endpoint.clone()
    }

    /// Everything so far.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.spans.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[tonic::async_trait]
impl TraceService for Spans {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for process in request.into_inner().resource_spans {
            let attributes = process.resource.map(|resource| resource.attributes).unwrap_or_default();
            let service = match value(&attributes, "service.name") {
                Some(Value::StringValue(name)) => name.clone(),
                _ => String::new(),
            };
            for span in process.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                spans.push(Span {
                    trace: hex(&span.trace_id),
                    id: hex(&span.span_id),
                    parent: hex(&span.parent_span_id),
                    service: service.clone(),
                    name: span.name,
                    sequence: match value(&span.attributes, "sequence") {
                        Some(Value::IntValue(sequence)) => u64::try_from(*sequence).ok(),
                        // An unsigned number travels as text.
                        Some(Value::StringValue(sequence)) => sequence.parse().ok(),
                        _ => None,
                    },
                });
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

fn value<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a Value> {
    attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?.value.as_ref()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
