//! Logs and traces: set up once a process, carried from message to message. Not metrics of single services.

mod chain;
mod config;
mod context;

pub use chain::Chain;
pub use config::{Config, LogFormat};
pub use context::{adopt, adopt_order, carry};

use std::time::Duration;

use opentelemetry::{KeyValue, global, trace::TracerProvider as _};
use opentelemetry_otlp::WithExportConfig as _;
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing_subscriber::{
    EnvFilter, Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

/// How long the last spans may take to leave when the process ends.
const FLUSH: Duration = Duration::from_secs(2);

/// The process's telemetry; [`Telemetry::flush`] before the process ends, or the last spans are lost.
#[derive(Debug)]
pub struct Telemetry {
    spans: Option<SdkTracerProvider>,
}

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log filter is no filter.
    #[error("the log filter `{0}` cannot be read; write a level, or target=level pairs")]
    Filter(String, #[source] tracing_subscriber::filter::ParseError),
    /// The exporter could not be built.
    #[error("spans cannot be sent to {0}")]
    Exporter(String, #[source] opentelemetry_otlp::ExporterBuildError),
    /// Something else in the process already logs.
    #[error("telemetry was set up before")]
    Twice(#[source] tracing_subscriber::util::TryInitError),
}

/// Sets up logging to stderr and, where an endpoint is configured, spans over OTLP. Needs a Tokio runtime for the latter.
pub fn init(service: &str, config: &Config) -> Result<Telemetry, Error> {
    // Filters stand on each layer: a quiet log must not cut a trace in two.
    let filter = EnvFilter::try_new(&config.log).map_err(|error| Error::Filter(config.log.clone(), error))?;
    let log = match config.format {
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).boxed(),
        LogFormat::Text => {
            tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false).boxed()
        }
    };
    global::set_text_map_propagator(TraceContextPropagator::new());
    let spans = config.otlp_endpoint.as_deref().map(|endpoint| exporter(service, endpoint)).transpose()?;
    // Ids travel even where nobody collects spans, so that a trace has no hole at a service that exports nothing.
    let provider = spans.clone().unwrap_or_default();
    let traces = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("plimsoll"))
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(log.with_filter(filter))
        .with(traces)
        .try_init()
        .map_err(Error::Twice)?;
    Ok(Telemetry { spans })
}

fn exporter(service: &str, endpoint: &str) -> Result<SdkTracerProvider, Error> {
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| Error::Exporter(endpoint.to_owned(), error))?;
    let resource = Resource::builder()
        .with_service_name(format!("plimsoll-{service}"))
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

impl Telemetry {
    /// Sends what is left, for at most two seconds.
    pub fn flush(self) {
        if let Some(Err(error)) = self.spans.map(|spans| spans.shutdown_with_timeout(FLUSH)) {
            tracing::warn!(error = %Chain(&error), "The last spans were not sent.");
        }
    }
}
