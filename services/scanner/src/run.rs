//! The process: read the orders, then answer.

use bus::rpc::Listed;
use evaluator::Evaluator;
use events::{rpc::ScanRequest, topology::StreamName};
use service::{Context, Fault};
use tokio::net::TcpListener;

use crate::{config::Config, grpc, memory::Memory, rescan, scripts::Scripts};

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let scripts = if config.shellcheck { Scripts::installed() } else { Scripts::unasked() };
    let memory = Memory::new(Evaluator::new(config.policies), scripts);
    let streams = [StreamName::Orders, StreamName::Resolutions];
    let hear = |record: &_| {
        memory.hear(record);
        if memory.snapshot().behind() {
            context.readiness.is_behind();
        }
    };
    // A scan under half a catalog would refuse what is allowed.
    let open = async || {
        let listed = answer(&config, &context, &memory).await?;
        context.tasks.spawn(rescan::run(context.clone(), memory.clone()));
        Ok(listed)
    };
    service::follow(&context, &streams, hear, open).await
}

async fn answer(config: &Config, context: &Context, memory: &Memory) -> Result<Listed, Fault> {
    if let Some(address) = config.grpc_listen {
        let listener = TcpListener::bind(address).await?;
        context.tasks.spawn(grpc::serve(listener, memory.clone(), context.stop.clone()));
    }
    let listed = context.connection.list("scanner", "Says what is wrong with a definition.").await?;
    let memory = memory.clone();
    listed
        .answer::<ScanRequest, _, _>(&context.tasks, &context.stop, move |question| {
            let memory = memory.clone();
            async move { memory.scan(question).await }
        })
        .await?;
    Ok(listed)
}
