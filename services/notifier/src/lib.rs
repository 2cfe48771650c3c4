//! (placeholder until the real one is written over it: idles)
use service::{Context, Fault};
/// Nothing yet.
#[derive(serde::Deserialize)]
pub struct Config { #[serde(flatten)] _all: std::collections::BTreeMap<String, serde_json::Value> }
/// Idles.
pub async fn run(_: Config, context: Context) -> Result<(), Fault> { context.stop.cancelled().await; Ok(()) }
