//! The process: read the streams, then open the doors, and go on reading.

use containers::Runtime;
use events::{rpc::CheckRequest, topology::StreamName};
use registry::Client;
use service::{Context, Fault};
use tracing::info;

use crate::{
    check::{self, Check},
    config::Config,
    facts::Sources,
    judge::Judge,
    memory::Memory,
    plugin::{self, Plugin},
    socket,
};

/// Runs until the context's stop.
pub async fn run(config: Config, context: Context) -> Result<(), Fault> {
    let memory = Memory::default();
    let doors = Doors::prepare(config, memory.clone(), &context)?;
    let streams = [StreamName::Orders, StreamName::Resolutions, StreamName::Images];
    let hear = |record: &_| {
        memory.hear(record);
        if memory.is_behind() {
            context.readiness.is_behind();
        }
    };
    // Until everything has been read, a shut door is the only right answer: nobody listens yet.
    let open = async || {
        let listed = doors.open(&context).await?;
        info!(as_of = ?memory.as_of(), "The doors are open for questions.");
        Ok(listed)
    };
    service::follow(&context, &streams, hear, open).await
}

struct Doors {
    check: Check,
    plugin: Plugin,
    config: Config,
}

impl Doors {
    fn prepare(config: Config, memory: Memory, context: &Context) -> Result<Self, Fault> {
        let runtime = config.runtime.as_ref().map(Runtime::new);
        let judge = Judge::new(memory.clone(), context.clone());
        let sources =
            Sources { memory, runtime: runtime.clone(), registry: Client::new(config.registry.clone())? };
        let check = Check { sources, judge: judge.clone() };
        let plugin = Plugin { runtime, judge, context: context.clone(), on_fault: config.on_fault };
        Ok(Self { check, plugin, config })
    }

    async fn open(self, context: &Context) -> Result<bus::rpc::Listed, Fault> {
        let Self { check, plugin, config } = self;
        let listener = socket::listen(&config.socket)?;
        context.tasks.spawn(socket::serve(listener, check::router(check.clone()), context.stop.clone()));
        if let Some(path) = &config.plugin_socket {
            let listener = socket::listen(path)?;
            context.tasks.spawn(socket::serve(listener, plugin::router(plugin), context.stop.clone()));
        }
        let condition = context.readiness.condition();
        let listed = context.connection.list_with("gate", "May this image start?", condition).await?;
        listed
            .answer::<CheckRequest, _, _>(&context.tasks, &context.stop, move |question| {
                let check = check.clone();
                async move { check.answer(question).await }
            })
            .await?;
        Ok(listed)
    }
}
