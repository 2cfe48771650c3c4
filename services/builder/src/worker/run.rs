//! The process: follow the orders, and take work from the queue.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bus::{Delivery, Handler, Limits as QueueLimits, Outbox, consume};
use events::{
    fact::BuildJob,
    fold,
    topology::{Bucket, Role, StreamName},
};
use registry::Client;
use serde::{Deserialize, Deserializer, de::Error as _};
use service::{Context, Fault};
use verdict::{AsOf, Snapshot};

use super::{
    failure::Failure,
    freshness::{self, Freshness},
    hosts::Hosts,
    pipeline::Pipeline,
    slots::Slots,
};
use crate::{
    buildah::{self, Buildah},
    driver::Driver,
    isolation::Limits,
};

/// The `[worker]` section.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where checkouts, bases and builds lie while they last; for one worker alone.
    pub folder: PathBuf,
    /// Builds whose steps run at the same time; where there are several, one slot is kept for rebuilds. Three on two cores: a build waits for its disk
    /// a good part of its time (measured: six rebuilds take a fifth longer with two).
    #[serde(default = "three", deserialize_with = "one_or_more")]
    pub slots: usize,
    /// How git repositories are reached.
    #[serde(default)]
    pub source: source::Config,
    /// How registries are reached, and with which right to push.
    #[serde(default)]
    pub registry: registry::Config,
    /// The programs that build, and where they are confined. Its scratch folder is this section's own where none is given.
    #[serde(default)]
    pub buildah: Option<buildah::Config>,
    /// What one build may use.
    #[serde(default)]
    pub limits: Limits,
    /// How old what this worker knows may be when it decides.
    #[serde(default)]
    pub freshness: freshness::Config,
}

fn three() -> usize {
    3
}

/// A worker that may build nothing would take no work, and say nothing of it.
fn one_or_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    match usize::deserialize(deserializer)? {
        0 => Err(D::Error::custom(
            "slots: a worker builds at least 1 at a time; leave the role out where none is wanted",
        )),
        slots => Ok(slots),
    }
}

/// Builds of one lane that are fetched or published while others have the slots: enough that a host that does not answer keeps nothing else waiting.
const BESIDE: usize = 5;

/// How long a build may finish after a stop; longer ones go back to the queue.
const GRACE: Duration = Duration::from_secs(8);

/// What orders say at this moment, shared with the builds in progress.
#[derive(Debug, Clone, Default)]
pub(super) struct Orders(Arc<RwLock<Snapshot>>);

impl Orders {
    /// Reads the snapshot; held only for as long as `read` takes.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Snapshot) -> T) -> T {
        read(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How far they have been read.
    pub(super) fn as_of(&self) -> AsOf {
        self.with(Snapshot::as_of)
    }

    fn hear(&self, record: &bus::Record) {
        let mut snapshot = self.0.write().unwrap_or_else(PoisonError::into_inner);
        fold(&mut snapshot, record.stream, &record.subject, record.sequence, record.at, &record.body);
    }
}

/// Runs until the context's stop.
pub async fn work(config: Config, context: Context) -> Result<(), Fault> {
    let orders = Orders::default();
    let buildah = config.buildah.clone().unwrap_or_else(|| buildah::Config {
        isolation: crate::isolation::Config { scratch: config.folder.join("builds"), ..Default::default() },
        ..Default::default()
    });
    let freshness = Freshness::follow(config.freshness, &orders, &context);
    let worker = Worker {
        pipeline: Pipeline {
            fetcher: source::Fetcher::new(config.source.clone()),
            registry: Client::new(config.registry.clone())?,
            driver: Driver::Buildah(Buildah::open(buildah).await?),
            limits: config.limits.clone(),
            folder: config.folder.clone(),
            published: context.connection.entries(Bucket::Intents).await?,
            definitions: context.connection.entries(Bucket::Definitions).await?,
            connection: context.connection.clone(),
            orders: orders.clone(),
            freshness: freshness.clone(),
            hosts: Hosts::default(),
            slots: Slots::new(config.slots),
            stop: context.stop.clone(),
        },
    };
    worker.pipeline.sweep().await?;
    // Listed for as long as this is held.
    let _listed = context.connection.list("worker", "Builds, proves and publishes images.").await?;
    let hear = |record: &_| {
        orders.hear(record);
        if orders.with(Snapshot::behind) {
            context.readiness.is_behind();
        }
    };
    let opened = service::since_boot();
    // No build begins under orders that were lifted long ago.
    let open = async || {
        freshness.caught_up(opened);
        take_work(&context, worker, config.slots);
        Ok(())
    };
    service::follow(&context, &[StreamName::Orders, StreamName::Resolutions], hear, open).await
}

fn take_work(context: &Context, worker: Worker, slots: usize) {
    let limits = QueueLimits { concurrency: slots.saturating_add(BESIDE), grace: GRACE };
    for durable in Role::Worker.spec().consumes {
        let worker = Arc::new(worker.clone());
        context.tasks.spawn(consume(
            context.connection.clone(),
            *durable,
            worker,
            limits,
            context.stop.clone(),
        ));
    }
}

#[derive(Clone)]
struct Worker {
    pipeline: Pipeline,
}

impl Handler for Worker {
    type Error = Failure;

    async fn handle(&self, delivery: Delivery) -> Result<Outbox, Failure> {
        let job: BuildJob = delivery.decode().map_err(Failure::Malformed)?;
        self.pipeline.run(job, delivery.attempt).await
    }
}
